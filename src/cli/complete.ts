// What a shell may complete where the cursor is: commands, options, choices, and names of editors, mergers, tasks, experiments,
// columns and results folders.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from './overview.js'

type Names = () => Promise<readonly string[]> | readonly string[]

const commands: Names = () => [...COMMANDS.map(([name]) => name), 'help']
const editors: Names = async () => (await import('../registry/index.js')).BUILT_IN.editors.map(({ name }) => name)
const mergers: Names = async () => (await import('../registry/index.js')).BUILT_IN.mergers.map(({ name }) => name)
const tasks: Names = async () => (await import('../tasks/index.js')).listTaskNames()
const models: Names = async () => (await import('../models/index.js')).architectures.map(({ name }) => name)
const experiments: Names = async () => (await import('../config/index.js')).shippedExperiments()
const recipes: Names = async () => (await import('../config/index.js')).shippedRecipes()

const columns = async () => {
  const { COLUMNS, DERIVED } = await import('../record/index.js')
  return [...COLUMNS, ...DERIVED]
}

/** Options that take columns with commas between. */
const OF_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  rows: ['--where', '--columns', '--sort'],
  table: ['--by', '--columns', '--across', '--select'],
  plot: ['--x', '--y', '--series', '--facet', '--select'],
}

/** Commands whose arguments are results folders. */
const OF_RESULTS = ['table', 'rows', 'compare', 'report', 'plot', 'watch', 'status', 'cancel']

/** Results folders in `results`, and in the folder that a path has so far. */
function resultsFolders(current: string): string[] {
  const places = new Set(['results/', current.slice(0, current.lastIndexOf('/') + 1)])
  return [...places].flatMap((place) =>
    (existsSync(place || '.') ? readdirSync(place || '.') : [])
      .map((name) => place + name)
      .filter((folder) => existsSync(join(folder, 'meta.json')) || existsSync(join(folder, 'shards'))),
  )
}

/** Names by the option before the cursor. */
const AFTER: Readonly<Record<string, Names>> = { '--editor': editors, '--task': tasks }

/** Names by the command whose first argument the cursor is at. */
const ARGUMENTS: Readonly<Record<string, Names>> = {
  help: commands,
  editors,
  mergers,
  tasks,
  models,
  sweep: experiments,
  plan: experiments,
  submit: experiments,
  train: recipes,
  zeroth: recipes,
  schema: () => ['experiment', 'merge', 'recipe', 'zeroth'],
  calibrate: () => ['darex', 'bitdelta'],
  completion: () => ['bash', 'zsh', 'fish'],
}

/** What a command takes: its options, and the choices of those that have some. */
export interface Completable {
  options: readonly string[]
  choices: Readonly<Record<string, readonly string[]>>
}

/**
 * What is at the cursor: a value, and the option or word before it; `--editor=da` is both. `lead` is what the word has before the
 * value, and `parted` how many of its letters bash has as words of their own: it parts words at `=` outside quotes.
 */
function atCursor(words: readonly string[]): { before: string; current: string; lead: string; parted: number } {
  let first = words.length - 1
  while (first > 1 && words[first - 1] === '=') first -= 2
  const parted = words.slice(first, -1).join('')
  const whole = parted + (words.at(-1) ?? '').replace(/^['"]/, '')
  const [, lead = '', option = words[first - 1] ?? '', value = whole] = /^((--[\w-]+)=)(.*)$/s.exec(whole) ?? []
  return { before: option, current: value, lead, parted: parted.length }
}

/**
 * The words that may stand in the place of the last one and begin with it; none where only a file may.
 * @param words of the command line up to the cursor, without the program
 * @param describe gives what the command of that name takes
 */
export async function completions(
  words: readonly string[],
  describe: (command: string) => Promise<Completable>,
): Promise<string[]> {
  const { before, current, lead, parted } = atCursor(words)
  const known = await commands()
  const name = words.slice(0, -1).find((word) => known.includes(word))
  const names = async (): Promise<readonly string[]> => {
    if (name === undefined) return current.startsWith('-') ? ['--help', '--version'] : known
    if (current.startsWith('-')) return (await describe(name)).options.map((option) => `--${option}`)
    if (OF_COLUMNS[name]?.includes(before)) {
      const kept = current.slice(0, current.lastIndexOf(',') + 1)
      return (await columns()).map((column) => kept + column)
    }
    if (before.startsWith('--')) return AFTER[before]?.() ?? (await describe(name)).choices[before.slice(2)] ?? []
    if (OF_RESULTS.includes(name)) return resultsFolders(current)
    return before === name ? ((await ARGUMENTS[name]?.()) ?? []) : []
  }
  return (await names()).filter((word) => word.startsWith(current)).map((word) => (lead + word).slice(parted))
}
