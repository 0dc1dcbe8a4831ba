// The words of a command line as the values of a command's arguments and options, or one line of what is wrong with them.
import { UserError, unknown } from '../errors/index.js'
import { camelCase, type Spec, type Syntax } from './syntax.js'

const usage = (text: string): UserError => new UserError(text, { exitCode: 2 })

/** An option as it was written, and its words. */
interface Written {
  name: string
  spec: Spec
  flag: string
  words: string[]
}

/** `-1` and `-.5` are values. */
const isFlag = (word: string): boolean => /^-[^\d.]/.test(word)

/**
 * Values by camelCase name; what is not given and has no default is left out.
 * @param command as usage shows it, e.g. `sweep <config>`
 * @throws UserError (usage) for the first thing that is wrong
 */
export function parseWords<T>(syntax: Syntax<T>, words: readonly string[], command: string): T {
  const { written, loose } = sortWords(syntax, words)
  const values = new Map<string, unknown>()
  for (const [name, { default: preset }] of [...syntax.positionals, ...syntax.options])
    if (preset !== undefined) values.set(name, preset)
  for (const [name, own] of placeArguments(syntax, loose, command)) values.set(name, own)
  for (const { name, spec, flag, words } of written.values())
    values.set(name, spec.array ? words.map((word) => readValue(word, spec, flag)) : readValue(words[0]!, spec, flag))
  const both = syntax.conflicting.find((pair) =>
    pair.every((name) => values.get(name) !== undefined && values.get(name) !== false),
  )
  if (both) throw usage(`--${both[0]} and --${both[1]} cannot be given together`)
  const missing = [...syntax.options].filter(([name, { demandOption }]) => demandOption && !values.has(name))
  if (missing.length)
    throw usage(`${missing.map(([name]) => `--${name}`).join(' and ')} must be given; usage: deltalab ${command}`)
  return Object.fromEntries([...values].map(([name, value]) => [camelCase(name), value])) as T
}

/** Options with their words, and the words that belong to none. */
function sortWords(
  { options }: Syntax<unknown>,
  words: readonly string[],
): { written: Map<string, Written>; loose: string[] } {
  const written = new Map<string, Written>()
  const end = words.indexOf('--')
  const before = end < 0 ? words : words.slice(0, end)
  const loose: string[] = []
  for (let i = 0; i < before.length; ) {
    const word = before[i++]!
    if (!isFlag(word)) {
      loose.push(word)
      continue
    }
    const [, flag, attached] = /^([^=]*)(?:=(.*))?$/s.exec(word) as unknown as [string, string, string | undefined]
    const { name, spec, negated } = findOption(options, flag)
    const next = before[i]
    const own: string[] = []
    if (attached !== undefined) own.push(attached)
    else if (spec.type === 'boolean') own.push(next === 'true' || next === 'false' ? before[i++]! : 'true')
    else
      do {
        const value = before[i]
        if (value === undefined || isFlag(value)) break
        own.push(value)
        i++
      } while (spec.greedy)
    if (own.length === 0) throw usage(`${flag} needs a value`)
    if (negated) own[0] = String(own[0] !== 'true')
    const earlier = written.get(name)
    if (earlier && !spec.array && spec.type !== 'boolean') throw usage(`${flag} is given twice`)
    written.set(name, { name, spec, flag, words: spec.array ? [...(earlier?.words ?? []), ...own] : own })
  }
  return { written, loose: end < 0 ? loose : [...loose, ...words.slice(end + 1)] }
}

/** An option by its name or alias, in kebab or camel case, and a switch also as `--no-name`. */
function findOption(options: Syntax<unknown>['options'], flag: string): { name: string; spec: Spec; negated: boolean } {
  const name = flag.replace(/^--?/, '')
  const find = (wanted: string) =>
    [...options].find(([each, { alias }]) => each === wanted || alias === wanted || camelCase(each) === wanted)
  const found = find(name)
  if (found) return { name: found[0], spec: found[1], negated: false }
  const [switched, spec] = (name.startsWith('no-') && find(name.slice(3))) || []
  if (switched !== undefined && spec?.type === 'boolean') return { name: switched, spec, negated: true }
  if (name.length === 1) throw usage(`unknown option ${flag}`)
  const known = [...options].flatMap(([each, { alias }]) => [each, ...(alias ? [alias] : [])])
  throw unknown(
    'option',
    flag,
    known.filter((each) => each.length > 1).map((each) => `--${each}`),
    2,
  )
}

function placeArguments(
  { positionals }: Syntax<unknown>,
  loose: readonly string[],
  command: string,
): [string, unknown][] {
  const left = [...loose]
  const placed = [...positionals].map(([name, spec]): [string, unknown] => {
    const own = left.splice(0, spec.array ? Infinity : 1)
    if (own.length === 0) throw usage(`an argument is missing; usage: deltalab ${command}`)
    const values = own.map((word) => readValue(word, spec, name))
    return [name, spec.array ? values : values[0]]
  })
  if (left.length) throw usage(`${command.split(' ')[0]} does not take the argument ${JSON.stringify(left[0])}`)
  return placed
}

/** @param flag as it was written */
function readValue(word: string, { type, choices }: Spec, flag: string): unknown {
  if (choices && !choices.includes(word))
    throw usage(`${flag} must be one of ${choices.join(', ')}; got ${JSON.stringify(word)}`)
  if (type === 'boolean' && word !== 'true' && word !== 'false')
    throw usage(`${flag} must be true or false; got ${JSON.stringify(word)}`)
  if (type === 'boolean') return word === 'true'
  if (type !== 'number') return word
  if (word === '') throw usage(`${flag} is empty; it must be a number`)
  if (Number.isNaN(Number(word))) throw usage(`${flag} must be a number; got ${JSON.stringify(word)}`)
  return Number(word)
}
