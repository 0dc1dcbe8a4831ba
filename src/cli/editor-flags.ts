// Editors on the command line: `--editor dare --drop 0.9`, or a chain `--editor magnitude:drop_rate=.5 --editor dare:drop_rate=.9`.
// The flags are made from the editors' own options.

import type { Argv } from 'yargs'
import { describeOptions, expectedValue, type OptionFacts, parseOptions, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { BUILT_IN, type Registry } from '../registry/index.js'
import { checkSeed } from './options.js'
import { PLUGIN } from './plugins.js'

/** Shorter flags for options that are typed often. */
const ALIASES: Readonly<Record<string, string>> = { drop_rate: 'drop' }

export const flagOf = (option: string): string => option.replaceAll('_', '-')

interface Shared {
  facts: OptionFacts
  /** Editors that have the option. */
  owners: string[]
  /** Whether it takes the same words in all of them. */
  alike: boolean
}

/** Every option of every editor, by name. */
function allOptions({ editors }: Registry): Map<string, Shared> {
  const all = new Map<string, Shared>()
  for (const editor of editors) {
    for (const facts of describeOptions(editor)) {
      const shared = all.get(facts.name)
      if (!shared) all.set(facts.name, { facts, owners: [editor.name], alike: true })
      else {
        shared.owners.push(editor.name)
        shared.alike &&= String(shared.facts.choices) === String(facts.choices)
      }
    }
  }
  return all
}

/** Adds `--plugin`, `--seed`, and a flag for every option of an editor. */
function withEditorFlags<T>(cli: Argv<T>, registry: Registry) {
  for (const [name, { facts, owners, alike }] of allOptions(registry)) {
    const range = facts.type === 'boolean' ? '' : ` (${expectedValue(facts)})`
    const text = alike ? facts.description + range : 'differs by editor; see deltalab editors'
    cli.option(flagOf(name), {
      type: facts.type === 'integer' ? 'number' : facts.type,
      alias: ALIASES[name],
      group: 'Options of the editor:',
      describe: `${owners.join(', ')}: ${text}`,
    })
  }
  return cli
    .option('plugin', PLUGIN)
    .option('seed', { type: 'number', default: 0, describe: 'Seed of random masks and noise' })
}

const editorOption = ({ editors }: Registry) => ({
  type: 'string' as const,
  array: true as const,
  nargs: 1,
  describe: `${editors.map(({ name }) => name).join(', ')}; repeat it for a chain, with options as name:option=value,option=value`,
})

/** Adds `--editor`, which must be given, and what goes with it. */
export const withEditors = <T>(cli: Argv<T>, registry: Registry = BUILT_IN) =>
  withEditorFlags(cli, registry).option('editor', { ...editorOption(registry), demandOption: true as const })

/** The same where no editor need be named. */
export const mayHaveEditors = <T>(cli: Argv<T>, registry: Registry = BUILT_IN) =>
  withEditorFlags(cli, registry).option('editor', editorOption(registry))

/** Options of editors among the flags that were given, by name. */
export const givenOptions = (args: Record<string, unknown>, registry: Registry = BUILT_IN): string[] =>
  [...allOptions(registry).keys()].filter((name) => args[flagOf(name)] !== undefined)

/** @throws UserError for unknown editors and options, values out of range, and flags that could belong to several editors */
export function readSteps(
  args: { editor: string[]; seed: number; [flag: string]: unknown },
  registry: Registry = BUILT_IN,
): Step[] {
  checkSeed(args.seed)
  const given = givenOptions(args, registry)
  const flags = Object.fromEntries(given.map((name) => [name, args[flagOf(name)]]))
  const stray = Object.keys(flags)[0]
  if (stray && args.editor.length > 1) {
    const right = `--editor name:${stray}=${flags[stray]}`
    throw new UserError(
      `--${flagOf(stray)} does not say which of ${args.editor.length} editors it is for; write ${right}`,
      { exitCode: 2 },
    )
  }
  return args.editor.map((text) => {
    const [name, rest] = text.split(/:(.*)/s)
    const editor = registry.editor(name!)
    const own = (rest ?? '')
      .split(',')
      .filter(Boolean)
      .map((pair): [string, unknown] => {
        const [option, value] = pair.split(/=(.*)/s)
        if (value === undefined || option === '')
          throw new UserError(`--editor ${text}: ${JSON.stringify(pair)} is not option=value`, { exitCode: 2 })
        return [option!.replaceAll('-', '_'), value]
      })
    const facts = new Map(describeOptions(editor).map((fact) => [fact.name, fact]))
    const raw = Object.fromEntries(
      [...own, ...Object.entries(flags)].map(([option, value]) => [option, typed(value, facts.get(option))]),
    )
    return { editor, options: parseOptions(editor, raw) }
  })
}

/** A word as the type of its option. Words that do not fit stay, and the schema refuses them. */
function typed(value: unknown, facts: OptionFacts | undefined): unknown {
  if (typeof value !== 'string' || !facts) return value
  if (facts.type === 'boolean' && /^(true|false)$/.test(value)) return value === 'true'
  if ((facts.type === 'number' || facts.type === 'integer') && value.trim() !== '' && !Number.isNaN(Number(value)))
    return Number(value)
  return value
}
