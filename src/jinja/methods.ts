// Methods of texts, lists and dicts, as Python has them.
import { capitalise, title } from './case.js'
import { printed, real, represent } from './text.js'
import {
  type Callable,
  compare,
  type Dict,
  entryOf,
  equal,
  isNumber,
  itemsOf,
  kindOf,
  Range,
  Tuple,
  toNumber,
  Undefined,
  type Value,
  View,
} from './values.js'

/** What Python counts as a space. */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

const escaped = (letters: string) => letters.replace(/[\\\]^-]/g, '\\$&')

export function strip(text: string, letters: Value | undefined, sides: 'both' | 'left' | 'right'): string {
  const set = typeof letters === 'string' ? escaped(letters) : SPACE
  if (set === '') return text
  const start = sides === 'right' ? text : text.replace(new RegExp(`^[${set}]+`, 'u'), '')
  return sides === 'left' ? start : start.replace(new RegExp(`[${set}]+$`, 'u'), '')
}

function integer(value: Value | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise
  if (typeof value !== 'bigint') throw new Error(`an integer is wanted, not ${kindOf(value)}`)
  return Number(value)
}

function textArgument(value: Value | undefined): string {
  if (typeof value !== 'string')
    throw new Error(`a text is wanted, not ${value === undefined ? 'nothing' : kindOf(value)}`)
  return value
}

function split(text: string, by: Value | undefined, limit: number, right: boolean): string[] {
  if (by === undefined || by === null) {
    const words = strip(text, undefined, 'both')
      .split(new RegExp(`[${SPACE}]+`))
      .filter(Boolean)
    if (limit < 0 || words.length <= limit) return words
    if (right) throw new Error('rsplit at spaces with a limit is not supported')
    const found: string[] = []
    let rest = strip(text, undefined, 'left')
    for (let i = 0; i < limit; i++) {
      const [word] = new RegExp(`^[^${SPACE}]+`).exec(rest)!
      found.push(word)
      rest = strip(rest.slice(word.length), undefined, 'left')
    }
    return rest ? [...found, rest] : found
  }
  const parts = text.split(textArgument(by))
  if (by === '') throw new Error('an empty text separates nothing')
  if (limit < 0 || parts.length <= limit + 1) return parts
  if (right) return [parts.slice(0, parts.length - limit).join(by as string), ...parts.slice(parts.length - limit)]
  return [...parts.slice(0, limit), parts.slice(limit).join(by as string)]
}

export function replaced(text: string, from: Value | undefined, to: Value | undefined, limit: number): string {
  const [one, other] = [textArgument(from), textArgument(to)]
  const parts = one === '' ? ['', ...text, ''] : text.split(one)
  const many = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1)
  const [first = '', ...rest] = parts
  return rest.reduce((made, part, i) => made + (i < many ? other : one) + part, first)
}

const someArgument = (what: Value | undefined, test: (part: string) => boolean) =>
  (what instanceof Tuple ? what.items : [what]).some((part) => test(textArgument(part)))
const place = (text: string, at: number) => BigInt([...text.slice(0, at)].length)
const places = (text: string, at: number) => (at < 0 ? -1n : place(text, at))
const every = (text: string, pattern: RegExp) => text !== '' && pattern.test(text)

function padded(
  text: string,
  width: Value | undefined,
  fill: Value | undefined,
  where: 'left' | 'right' | 'both',
): string {
  const [missing, letter] = [
    Math.max(0, integer(width, 0) - [...text].length),
    fill === undefined ? ' ' : textArgument(fill),
  ]
  const before =
    where === 'left' ? missing : where === 'right' ? 0 : Math.floor(missing / 2) + (missing & integer(width, 0) & 1)
  return letter.repeat(before) + text + letter.repeat(missing - before)
}

/** str.format with plain fields and the usual formats of numbers. @throws Error for others */
function fill(text: string, args: Value[], named: Map<string, Value>): string {
  let next = 0
  let counted = false
  return text.replace(
    /\{\{|\}\}|\{([^{}:!]*)(?:!([rs]))?(?::([^{}]*))?\}|[{}]/g,
    (whole: string, name: string, as: string | undefined, style = '') => {
      if (whole === '{{' || whole === '}}') return whole[0]!
      if (whole.length === 1)
        throw new Error(
          `format does not read the ${whole} here: fields are {}, {0}, {name}, with !r, !s and a format behind :`,
        )
      const byPlace = /^\d+$/.test(name)
      counted ||= byPlace
      const value = name === '' ? args[next++]! : byPlace ? args[Number(name)]! : named.get(name)
      if (counted && next > 0) throw new Error('format has both {} and {0}')
      if (value === undefined) throw new Error(`format has no value for {${name}}`)
      const shown = as === 'r' ? represent(value!) : as === 's' ? printed(value!) : value!
      return style === '' ? printed(shown) : styled(shown, style as string)
    },
  )
}

function styled(value: Value, style: string): string {
  const parts = /^(?:(.)?([<>^]))?(0)?(\d+)?(?:\.(\d+))?([sdfeg])?$/.exec(style)
  if (!parts) throw new Error(`the format ${style} is not supported`)
  const [, letter = ' ', side = typeof value === 'string' ? '<' : '>', zero, width = '0', digits, kind] = parts
  const text =
    isNumber(value) && kind !== undefined && 'feg'.includes(kind)
      ? (Number(toNumber(value)) < 0 ? '-' : '') +
        real(Math.abs(Number(toNumber(value))), kind, digits === undefined ? 6 : Number(digits))
      : digits === undefined
        ? printed(value)
        : [...textArgument(value)].slice(0, Number(digits)).join('')
  const [fillWith, where] = zero
    ? ['0', 'left' as const]
    : [letter, side === '<' ? ('right' as const) : side === '>' ? ('left' as const) : ('both' as const)]
  return padded(text, BigInt(width), fillWith, where)
}

type Method<T> = (self: T, args: Value[], named: Map<string, Value>) => Value

const TEXT: Record<string, Method<string>> = {
  upper: (self) => self.toUpperCase(),
  lower: (self) => self.toLowerCase(),
  capitalize: (self) => capitalise(self),
  title: (self) => title(self),
  strip: (self, [letters]) => strip(self, letters, 'both'),
  lstrip: (self, [letters]) => strip(self, letters, 'left'),
  rstrip: (self, [letters]) => strip(self, letters, 'right'),
  split: (self, [by, limit], named) =>
    split(self, by ?? named.get('sep'), integer(limit ?? named.get('maxsplit'), -1), false),
  rsplit: (self, [by, limit], named) =>
    split(self, by ?? named.get('sep'), integer(limit ?? named.get('maxsplit'), -1), true),
  splitlines: (self) =>
    self === ''
      ? []
      : self
          .replace(/(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])$/, '')
          .split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/),
  join: (self, [list]) => itemsOf(list!).map(textArgument).join(self),
  startswith: (self, [what]) => someArgument(what, (part) => self.startsWith(part)),
  endswith: (self, [what]) => someArgument(what, (part) => self.endsWith(part)),
  replace: (self, [from, to, limit]) => replaced(self, from, to, integer(limit, -1)),
  find: (self, [what]) => places(self, self.indexOf(textArgument(what))),
  rfind: (self, [what]) => places(self, self.lastIndexOf(textArgument(what))),
  index(self, [what]) {
    if (!self.includes(textArgument(what))) throw new Error('the text is not in the other')
    return places(self, self.indexOf(what as string))
  },
  count: (self, [what]) =>
    BigInt(textArgument(what) === '' ? [...self].length + 1 : self.split(what as string).length - 1),
  isdigit: (self) => every(self, /^\p{Nd}+$/u),
  isnumeric: (self) => every(self, /^\p{N}+$/u),
  isalpha: (self) => every(self, /^\p{L}+$/u),
  isalnum: (self) => every(self, /^[\p{L}\p{N}]+$/u),
  isspace: (self) => every(self, new RegExp(`^[${SPACE}]+$`)),
  isupper: (self) => self === self.toUpperCase() && self !== self.toLowerCase(),
  islower: (self) => self === self.toLowerCase() && self !== self.toUpperCase(),
  removeprefix: (self, [what]) => (self.startsWith(textArgument(what)) ? self.slice((what as string).length) : self),
  removesuffix: (self, [what]) =>
    what !== '' && self.endsWith(textArgument(what)) ? self.slice(0, -(what as string).length) : self,
  ljust: (self, [width, letter]) => padded(self, width, letter, 'right'),
  rjust: (self, [width, letter]) => padded(self, width, letter, 'left'),
  center: (self, [width, letter]) => padded(self, width, letter, 'both'),
  zfill: (self, [width]) =>
    ((sign) => sign + padded(self.slice(sign.length), BigInt(integer(width, 0) - sign.length), '0', 'left'))(
      /^[+-]/.exec(self)?.[0] ?? '',
    ),
  swapcase: (self) =>
    [...self].map((letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase())).join(''),
  partition: (self, [by]) =>
    ((at) => new Tuple(at < 0 ? [self, '', ''] : [self.slice(0, at), by!, self.slice(at + (by! as string).length)]))(
      self.indexOf(textArgument(by)),
    ),
  rpartition: (self, [by]) =>
    ((at) => new Tuple(at < 0 ? ['', '', self] : [self.slice(0, at), by!, self.slice(at + (by! as string).length)]))(
      self.lastIndexOf(textArgument(by)),
    ),
  format: (self, args, named) => fill(self, args, named),
}

const LIST: Record<string, Method<readonly Value[]>> = {
  index(self, [item]) {
    const at = self.findIndex((each) => equal(each, item!))
    if (at < 0) throw new Error('the entry is not in the list')
    return BigInt(at)
  },
  count: (self, [item]) => BigInt(self.filter((each) => equal(each, item!)).length),
}

/** Of lists that may change: those of cards, not of chats. */
const CHANGING: Record<string, Method<Value[]>> = {
  append: (self, [item]) => (self.push(item!), null),
  extend: (self, [list]) => (self.push(...itemsOf(list!)), null),
  insert: (self, [at, item]) => (self.splice(integer(at, 0), 0, item!), null),
  pop: (self, [at]) => self.splice(integer(at, self.length - 1), 1)[0]!,
  reverse: (self) => (self.reverse(), null),
  sort: (self) => (self.sort(compare), null),
}

const DICT: Record<string, Method<Dict>> = {
  get: (self, [key, otherwise]) => entryOf(self, key!) ?? otherwise ?? null,
  keys: (self) => new View('keys', [...self.keys()]),
  values: (self) => new View('values', [...self.values()]),
  items: (self) =>
    new View(
      'items',
      [...self].map(([key, value]) => new Tuple([key, value])),
    ),
  copy: (self) => new Map(self),
}

const UPDATING: Record<string, Method<Dict>> = {
  update: (self, [other], named) => (
    [...(other instanceof Map ? other : []), ...named].forEach(([key, value]) => self.set(key, value)), null
  ),
  pop: (self, [key, otherwise]) => ((value) => (self.delete(key!), value ?? otherwise ?? null))(entryOf(self, key!)),
  setdefault: (self, [key, value]) => (self.has(key!) || self.set(key!, value ?? null), self.get(key!)!),
}

/** Names of methods that change what they are called on. */
const FORBIDDEN = new Set([...Object.keys(CHANGING), ...Object.keys(UPDATING), 'clear', 'remove', 'popitem'])

/**
 * The method of a value, or undefined.
 * @param frozen whether lists and dicts may not change, as in transformers. @throws Error for such a method, and for one that is not known here
 */
export function methodOf(value: Value, name: string, frozen: boolean): Callable | undefined {
  const bind = <T>(self: T, method: Method<T> | undefined): Callable | undefined =>
    method && ((args, named) => method(self, args, named))
  const own = <T>(table: Record<string, Method<T>>) => (Object.hasOwn(table, name) ? table[name] : undefined)
  if (typeof value === 'string') return bind(value, own(TEXT))
  if (value instanceof Undefined) return undefined
  const isList = Array.isArray(value)
  if (frozen && (isList || value instanceof Map) && FORBIDDEN.has(name) && !(value instanceof Map && name === 'sort')) {
    return () => {
      throw new Error(`${name} changes ${kindOf(value)}, which a chat template may not do`)
    }
  }
  if (isList) return bind(value, own(LIST)) ?? bind(value, own(CHANGING))
  if (value instanceof Tuple || value instanceof Range) return bind(value.items, own(LIST))
  return value instanceof Map ? (bind(value, own(DICT)) ?? bind(value, own(UPDATING))) : undefined
}
