// Wrong usage of the command line, in one line of plain words: an unknown option first, then a value that cannot be, then what is missing.
import type { Argv } from 'yargs'
import { hintFor, UserError } from '../errors/index.js'
import { commandAt } from './words.js'

/** What yargs knows of the command that is parsed. */
interface Known {
  key: Record<string, unknown>
  number: string[]
  boolean: string[]
  count: string[]
  hiddenOptions: string[]
  array: string[]
  alias: Record<string, string[]>
  choices: Record<string, readonly string[]>
  demandedOptions: Record<string, unknown>
}

const knownOf = (cli: Argv): Known => {
  const own = cli as unknown as { getOptions(): Omit<Known, 'demandedOptions'>; getDemandedOptions(): object }
  return { ...own.getOptions(), demandedOptions: { ...own.getDemandedOptions() } }
}

const usage = (text: string): UserError => new UserError(text, { exitCode: 2 })

/** An option among the words of a command line: `--drop=.9`, `--no-rescale`, `-o`. */
interface Given {
  word: string
  /** Without dashes and value, as it is written. */
  name: string
  /** The value behind `=`, or the next word where that is no option. */
  value: string | undefined
}

function optionsIn(words: readonly string[]): Given[] {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? undefined : end).flatMap((word, at) => {
    const [, flag, name, value] = /^(--?([A-Za-z][\w.-]*))(?:=(.*))?$/s.exec(word) ?? []
    if (flag === undefined || name === undefined) return []
    const next = words[at + 1]
    return [{ word: flag, name, value: value ?? (next !== undefined && !/^--?[A-Za-z]/.test(next) ? next : undefined) }]
  })
}

/** Whether help is asked for, whatever else is written. */
const asksHelp = (given: readonly Given[]): boolean => given.some(({ word }) => word === '--help' || word === '-h')

/**
 * Checks the options among the words before they are parsed, so that a slip is named before what is missing.
 * @param cli of the command, with its options declared
 * @throws UserError (usage) for an unknown option, one without its value, a number that is none, and one that is given twice
 */
export function checkOptions(cli: Argv, words: readonly string[]): void {
  const known = knownOf(cli)
  const named = namesOf(known)
  const given = optionsIn(words)
  if (asksHelp(given)) return
  if (words.includes('-'))
    throw usage('- stands for no file here: nothing is read from, or written to, a pipe; give a path')
  const seen = new Set<string>()
  for (const option of given) {
    const name = named(option)
    if (name === undefined) throw unknownOption(option, known, words[commandAt(words)])
    if (known.boolean.includes(name) || known.count.includes(name)) continue
    checkNumber(option, known.number.includes(name))
    if (seen.has(name) && !known.array.includes(name)) throw usage(`${option.word} is given twice`)
    seen.add(name)
  }
}

/** An option that takes a list has none by default, which help need not show. */
export function hideEmptyDefaults(cli: Argv, words: readonly string[]): void {
  if (!asksHelp(optionsIn(words))) return
  const { default: defaults } = (cli as unknown as { getOptions(): { default: Record<string, unknown> } }).getOptions()
  for (const [name, value] of Object.entries(defaults)) if (Array.isArray(value) && !value.length) delete defaults[name]
}

/** Finds the name that an option was declared by; undefined for unknown ones. */
function namesOf({ key, alias, boolean, count }: Known): (option: Given) => string | undefined {
  const names = new Map<string, string>()
  // The first name of an option is the one that it is declared by; its aliases have no description of their own.
  for (const name of Object.keys(key)) if (!names.has(name)) names.set(name, name)
  for (const [name, others] of Object.entries(alias)) for (const other of others) names.set(other, name)
  const find = (name: string) => names.get(name) ?? names.get(name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`))
  return ({ word, name }) => {
    // -vv is -v twice.
    if (/^-([a-z])\1+$/i.test(word)) return [find(name[0]!)].find((each) => each !== undefined && count.includes(each))
    if (!word.startsWith('--') && name.length > 1) return undefined
    const positive = name.startsWith('no-') ? find(name.slice(3)) : undefined
    return find(name) ?? (positive !== undefined && boolean.includes(positive) ? positive : undefined)
  }
}

function unknownOption({ word, name }: Given, { key, hiddenOptions }: Known, command: string | undefined): UserError {
  const known = Object.keys(key).filter((each) => isWritten(each) && !hiddenOptions.includes(each))
  const list = `deltalab ${command === undefined ? '' : `${command} `}--help lists the options`
  const negated = name.startsWith('no-') ? name.slice(3) : undefined
  const hint = hintFor('option', name, known) ?? (negated && hintFor('option', negated, known))
  const said =
    hint === undefined ? list : hint.startsWith('did you mean "') ? `${hint.replace('"', '"--')} ${list}` : hint
  return usage(`unknown option ${JSON.stringify(word)}; ${said}`)
}

/** yargs reads an empty word (an unset shell variable) as the number 0, and any other text as NaN. */
function checkNumber({ word, value }: Given, isNumber: boolean): void {
  if (value === undefined) throw usage(`${word} has no value`)
  if (!isNumber) return
  if (value === '') throw usage(`${word} is empty; it must be a number`)
  if (Number.isNaN(Number(value))) throw usage(`${word} must be a number; got ${JSON.stringify(value)}`)
}

/** yargs' own message, in our words. @param form of the command, `edit <base> <post>` */
export function usageError(message: string, cli: Argv, words: readonly string[], form: string): UserError {
  const choice = /^Invalid values:\s*Argument: (\S+), Given: (.*), Choices: (.*)$/.exec(message)
  if (choice) {
    const [, name = '', given, all = ''] = choice
    const isPlace = argumentsOf(form).some(({ names }) => names.includes(name)) && !isNamed([name], words)
    return usage(`${isPlace ? `<${name}>` : `--${name}`} must be one of ${all.replaceAll('"', '')}; got ${given}`)
  }
  const both = /^Arguments (\S+) and (\S+) are mutually exclusive$/.exec(message)
  if (both) return usage(`--${both[1]} and --${both[2]} cannot be given together`)
  const got = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1]
  if (got !== undefined) {
    const places = argumentsOf(form).filter(({ names, required }) => required && !isNamed(names, words))
    const lacking = places.slice(Number(got)).map(({ names: [name] }) => `<${name}>`)
    return usage(`${listed(lacking)} missing; usage: ${formOf(form, cli)}`)
  }
  const missing = /^Missing required arguments?: (.*)/.exec(message)?.[1]?.split(', ')
  if (missing) return usage(`${listed(missing.map((name) => `--${name}`))} missing; usage: ${formOf(form, cli)}`)
  const extra = /^Unknown arguments?: (.*)$/m.exec(message)?.[1]?.split(', ')[0]
  return extra === undefined ? usage(message) : extraArgument(extra, cli, words, form)
}

const listed = (names: readonly string[]): string =>
  names.length === 1 ? `${names[0]} is` : `${names.slice(0, -1).join(', ')} and ${names.at(-1)} are`

/** Whether one of these names is given as an option. */
export const isNamed = (names: readonly string[], words: readonly string[]): boolean =>
  names
    .map((name) => (name.length === 1 ? `-${name}` : `--${name}`))
    .some((flag) => words.some((word) => word === flag || word.startsWith(`${flag}=`)))

/** The parts of a form, `merge <config> [out|o]`, that stand for arguments: their names, `..` where there may be several, and whether they are required. */
const argumentsOf = (form: string): { names: string[]; several: string; required: boolean }[] =>
  [...form.matchAll(/([<[])([\w|]+)(\.\.)?/g)].map(([, bracket, names, several = '']) => ({
    names: names!.split('|'),
    several,
    required: bracket === '<',
  }))

/** @throws UserError (usage) for an argument that is empty, as an unset variable of a shell makes it */
export function checkArguments(form: string, args: Readonly<Record<string, unknown>>): void {
  const empty = argumentsOf(form).find(({ names: [name] }) => [args[name!]].flat().includes(''))
  if (empty) throw usage(`<${empty.names[0]}> is empty`)
}

/** The arguments of a form of which there may be several: also where they are given by name. */
export const severalIn = (form: string): string[] =>
  argumentsOf(form).flatMap(({ names: [name], several }) => (several ? name! : []))

/** `deltalab merge <config> --out <folder>`: the arguments, then the options that a command cannot do without; of some, one is enough. */
export function formOf(form: string, cli: Argv): string {
  const { key, demandedOptions, choices, boolean } = knownOf(cli)
  const [command] = form.split(' ')
  const meant = (name: string): string =>
    choices[name]?.join('|') ??
    (name === 'html' || (name === 'out' && command === 'compress') ? 'file' : name === 'out' ? 'folder' : name)
  const places = argumentsOf(form)
  const byPlace = places.flatMap(({ names, required }) => (required ? names : []))
  const options = Object.keys(demandedOptions).filter((name) => !byPlace.includes(name))
  return [
    `deltalab ${command}`,
    ...places
      .filter(({ names }) => !options.includes(names[0]!))
      .map(({ names: [name], several, required }) => (required ? `<${name}${several}>` : `[${name}${several}]`)),
    ...options.map((name) => `--${name}${boolean.includes(name) ? '' : ` <${meant(name)}>`}`),
    ...('codec' in key
      ? ['(--lossless | --codec <name> | --budget <size> | --bitdelta)']
      : 'text' in key && 'task' in key
        ? ['(--task <task> | --text <file>)']
        : []),
  ].join(' ')
}

/** Whether a name is one that people write: long, and not the camel case of another. */
const isWritten = (option: string): boolean => option.length > 1 && !/[A-Z]/.test(option)

/** The options of a command, and the choices of those that have some. */
export const takenBy = (cli: Argv): { options: string[]; choices: Known['choices'] } => {
  const { key, choices, hiddenOptions } = knownOf(cli)
  return { options: Object.keys(key).filter((each) => isWritten(each) && !hiddenOptions.includes(each)), choices }
}

/** A word that is no option and has no place. */
function extraArgument(word: string, cli: Argv, words: readonly string[], form: string): UserError {
  const { key } = knownOf(cli)
  const twice = argumentsOf(form).find(({ names }) => isNamed(names, words))?.names[0]
  const shown = formOf(form, cli)
  if (twice) return usage(`${twice} is given twice, as --${twice} and by its place; usage: ${shown}`)
  const hint =
    'task' in key && isNamed(['task', 'tasks'], words)
      ? '; several tasks are written --task math,code'
      : 'out' in key && !isNamed(['out', 'o'], words) && !form.includes('out')
        ? '; what is written goes to --out'
        : ''
  return usage(`${words[0]} does not take the argument ${JSON.stringify(word)}${hint}; usage: ${shown}`)
}
