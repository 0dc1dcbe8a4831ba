// Filters and tests of Jinja2 3.1, and what transformers and lm-evaluation-harness add.

import { capitalise } from './case.js'
import { replaced, SPACE, strip } from './methods.js'
import { operate, subscript } from './operators.js'
import { formatted, json, printed } from './text.js'
import {
  compare,
  equal,
  isNumber,
  itemsOf,
  kindOf,
  Range,
  sizeOf,
  Tuple,
  toNumber,
  truth,
  Undefined,
  used,
  type Value,
  View,
} from './values.js'

/** How a template is read: as a chat template of transformers, or as a card of lm-evaluation-harness. */
export type Style = 'chat' | 'card'

export interface Call {
  args: Value[]
  named: Map<string, Value>
  style: Style
}

type Filter = (value: Value, call: Call) => Value

const text = (value: Value): string => printed(value)
const whole = (value: Value | undefined, otherwise: number): number =>
  value === undefined || value === null ? otherwise : Number(value)
/** An argument by its place or its name. */
const given = ({ args, named }: Call, place: number, name: string): Value | undefined => args[place] ?? named.get(name)
const folded = (value: Value, exact: boolean): Value =>
  typeof value === 'string' && !exact ? value.toLowerCase() : value

/** Jinja's own title, which is not str.title: words begin after spaces and `-({[<` alone. */
const titleOfWords = (words: string): string =>
  words.replace(
    new RegExp(`[^${SPACE}({\\[<-]+`, 'gu'),
    ([first, ...rest]) => first!.toUpperCase() + rest.join('').toLowerCase(),
  )

/** `a.b.0` of a value. */
function attribute(value: Value, path: Value, style: Style): Value {
  return text(path)
    .split('.')
    .reduce<Value>((found, part) => {
      const key = /^\d+$/.test(part) ? BigInt(part) : part
      return subscript(found, key) ?? new Undefined(part, style === 'card')
    }, value)
}

/** What map and its like do with each entry: an attribute, or another filter. */
function mapped({ args, named, style }: Call): (value: Value) => Value {
  const path = named.get('attribute')
  if (path !== undefined) {
    const otherwise = named.get('default')
    return (value) =>
      ((found) => (found instanceof Undefined && otherwise !== undefined ? otherwise : found))(
        attribute(value, path, style),
      )
  }
  const [name, ...rest] = args
  if (typeof name !== 'string') throw new Error('map needs an attribute or a filter')
  return (value) => filterNamed(name)(value, { args: rest, named, style })
}

const selected =
  (keep: boolean, byAttribute: boolean): Filter =>
  (list, { args, style }) => {
    const [path, rest] = byAttribute ? [args[0], args.slice(1)] : [undefined, args]
    const [name, ...more] = rest
    const passes = (value: Value) => (name === undefined ? truth(value) : testNamed(text(name))(value, more))
    return itemsOf(list).filter((each) => passes(path === undefined ? each : attribute(each, path, style)) === keep)
  }

function sorted(
  list: Value[],
  call: Call,
  keyed: (value: Value) => Value,
  places: [reverse: number, exact: number],
): Value[] {
  const exact = truth(given(call, places[1], 'case_sensitive') ?? false)
  const sign = truth(given(call, places[0], 'reverse') ?? false) ? -1 : 1
  return [...list].sort((a, b) => sign * compare(folded(keyed(a), exact), folded(keyed(b), exact)))
}

const byAttribute = (call: Call, place: number): ((value: Value) => Value) => {
  const path = given(call, place, 'attribute')
  return path === undefined || path === null ? (value) => value : (value) => attribute(value, path, call.style)
}

function rounded(value: Value, call: Call): Value {
  const [digits, way] = [whole(given(call, 0, 'precision'), 0), given(call, 1, 'method') ?? 'common']
  if (typeof value === 'bigint') return way === 'common' ? value : Number(value)
  const factor = 10 ** digits
  if (way !== 'common') return (way === 'ceil' ? Math.ceil : Math.floor)(Number(value) * factor) / factor
  // Python rounds the exact value, halves to the even neighbour.
  const number = Number(value)
  const near = Number(number.toFixed(digits))
  const half = Math.abs(Math.abs(number * factor) % 1) === 0.5 && digits === 0
  return half ? 2 * Math.round(number / 2) : near
}

function asJson(value: Value, call: Call): string {
  const [indent, separators] = [
    call.named.get('indent') ?? (call.style === 'card' ? call.args[0] : call.args[1]),
    call.named.get('separators'),
  ]
  const style = {
    ...(indent !== undefined && indent !== null && { indent: Number(indent) }),
    ...(separators && { separators: itemsOf(separators).map(text) as [string, string] }),
    ascii: call.style === 'card' || truth(call.named.get('ensure_ascii') ?? false),
    sorted: call.style === 'card' || truth(call.named.get('sort_keys') ?? false),
  }
  if (call.style === 'chat') return json(value, style)
  if ([...call.named.keys()].some((name) => name !== 'indent')) throw new Error('tojson takes an indent only')
  return json(value, style).replace(/[<>&']/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** re.sub of Python with a pattern that both languages read alike. */
function regexReplace(value: Value, { args, named }: Call): string {
  const [pattern, by, count] = [
    text(args[0] ?? named.get('pattern') ?? ''),
    text(args[1] ?? named.get('repl') ?? ''),
    whole(args[2] ?? named.get('count'), 0),
  ]
  let made = 0
  return text(value).replace(new RegExp(pattern, 'gu'), (match: string, ...rest: (string | number | undefined)[]) => {
    if (count > 0 && made >= count) return match
    made++
    return by.replace(/\\(?:g<(\d+)>|(\d)|(.))/gs, (_, long?: string, short?: string, other?: string) => {
      if (other !== undefined) return { n: '\n', t: '\t', r: '\r', '\\': '\\' }[other] ?? `\\${other}`
      const group = Number(long ?? short)
      return group === 0 ? match : String(rest[group - 1] ?? '')
    })
  })
}

const chunks = (list: Value[], size: number) =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
const last = <T>(list: readonly T[]) => list[list.length - 1]!
const end =
  (name: string, pick: (list: Value[]) => Value): Filter =>
  (value, { style }) =>
    ((list) => (list.length ? pick(list) : new Undefined(`the ${name} entry`, style === 'card')))(itemsOf(value))
const extreme =
  (sign: number): Filter =>
  (list, call) => {
    const key = byAttribute(call, 1)
    return itemsOf(list).reduce((best, each) =>
      sign * compare(folded(key(each), false), folded(key(best), false)) > 0 ? each : best,
    )
  }

const FILTERS: Record<string, Filter> = {
  length: (value) => BigInt(value instanceof Undefined ? itemsOf(value).length : sizeOf(value)),
  upper: (value) => text(value).toUpperCase(),
  lower: (value) => text(value).toLowerCase(),
  title: (value) => titleOfWords(text(value)),
  capitalize: (value) => capitalise(text(value)),
  trim: (value, call) => strip(text(value), given(call, 0, 'chars'), 'both'),
  first: end('first', (list) => list[0]!),
  last: end('last', last),
  sort: (list, call) => sorted(itemsOf(list), call, byAttribute(call, 2), [0, 1]),
  join: (list, call) =>
    itemsOf(list)
      .map(byAttribute(call, 1))
      .map(text)
      .join(text(given(call, 0, 'd') ?? '')),
  sum: (list, call) =>
    itemsOf(list)
      .map(byAttribute(call, 0))
      .reduce((total, each) => operate('+', total, each), given(call, 1, 'start') ?? 0n),
  reverse: (value) => (typeof value === 'string' ? [...value].reverse().join('') : [...itemsOf(value)].reverse()),
  list: (value) => [...itemsOf(value)],
  replace: (value, call) =>
    replaced(
      text(value),
      text(given(call, 0, 'old') ?? ''),
      text(given(call, 1, 'new') ?? ''),
      whole(given(call, 2, 'count'), -1),
    ),
  int(value, call) {
    const otherwise = given(call, 0, 'default') ?? 0n
    if (isNumber(value)) return typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(value)
    if (typeof value !== 'string') return otherwise
    const bare = strip(value, undefined, 'both').replaceAll('_', '')
    if (/^[+-]?\d+$/.test(bare)) return BigInt(bare.replace('+', ''))
    return bare !== '' && Number.isFinite(Number(bare)) ? BigInt(Math.trunc(Number(bare))) : otherwise
  },
  float(value, call) {
    const otherwise = given(call, 0, 'default') ?? 0
    if (isNumber(value)) return Number(value)
    const bare = typeof value === 'string' ? strip(value, undefined, 'both') : ''
    return bare !== '' && !/^0[xbo]/i.test(bare) && !Number.isNaN(Number(bare)) ? Number(bare) : otherwise
  },
  round: rounded,
  abs: (value) => (isNumber(value) ? ((number) => (number < 0 ? -number : number))(toNumber(value)) : used(value)),
  string: (value) => text(value),
  safe: (value) => text(value),
  escape: (value) =>
    text(value).replace(
      /[&<>'"]/g,
      (letter) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', "'": '#39', '"': '#34' }[letter]};`,
    ),
  default: (value, call) =>
    value instanceof Undefined || (truth(given(call, 1, 'boolean') ?? false) && !truth(value))
      ? (given(call, 0, 'default_value') ?? '')
      : value,
  batch: (list, call) =>
    ((parts, fill) =>
      fill === undefined || parts.length === 0
        ? parts
        : [
            ...parts.slice(0, -1),
            [...last(parts), ...Array<Value>(whole(call.args[0], 1) - last(parts).length).fill(fill)],
          ])(chunks(itemsOf(list), whole(call.args[0], 1)), given(call, 1, 'fill_with')),
  slice(list, call) {
    const [all, many] = [itemsOf(list), whole(call.args[0], 1)]
    const [size, more] = [Math.floor(all.length / many), all.length % many]
    return Array.from({ length: many }, (_, i) =>
      all.slice(i * size + Math.min(i, more), (i + 1) * size + Math.min(i + 1, more)),
    )
  },
  unique: (list, call) =>
    itemsOf(list).filter(
      (each, i, all) =>
        all.findIndex((other) =>
          equal(folded(byAttribute(call, 1)(other), false), folded(byAttribute(call, 1)(each), false)),
        ) === i,
    ),
  max: extreme(1),
  min: extreme(-1),
  wordcount: (value) => BigInt(text(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  indent(value, call) {
    const [width, first, blank] = [
      given(call, 0, 'width') ?? 4n,
      given(call, 1, 'first') ?? false,
      given(call, 2, 'blank') ?? false,
    ]
    const space = typeof width === 'string' ? width : ' '.repeat(Number(width))
    return text(value)
      .split('\n')
      .map((line, i) =>
        i === 0 ? (truth(first) ? space + line : line) : line !== '' || truth(blank) ? space + line : line,
      )
      .join('\n')
  },
  dictsort: (value, call) =>
    sorted(
      itemsOf(filterNamed('items')(value, call)),
      call,
      (pair) => (pair as Tuple).items[given(call, 1, 'by') === 'value' ? 1 : 0]!,
      [2, 0],
    ),
  items(value) {
    if (value instanceof Undefined) return []
    if (!(value instanceof Map)) throw new Error(`items is for a dict, not ${kindOf(value)}`)
    return [...value].map(([key, each]) => new Tuple([key, each]))
  },
  urlencode: (value) =>
    encodeURIComponent(text(value))
      .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/'),
  format: (value, { args, named }) => formatted(text(value), named.size ? new Map(named) : new Tuple(args)),
  center: (value, call) =>
    ((missing) =>
      ' '.repeat(Math.floor(missing / 2) + (missing & whole(call.args[0], 80) & 1)) +
      text(value) +
      ' '.repeat(missing - Math.floor(missing / 2) - (missing & whole(call.args[0], 80) & 1)))(
      Math.max(0, whole(call.args[0], 80) - [...text(value)].length),
    ),
  map: (list, call) => itemsOf(list).map(mapped(call)),
  select: selected(true, false),
  reject: selected(false, false),
  selectattr: selected(true, true),
  rejectattr: selected(false, true),
  groupby(list, call) {
    const key = byAttribute(call, 0)
    const all = [...itemsOf(list)].sort((a, b) => compare(folded(key(a), false), folded(key(b), false)))
    const groups: Tuple[] = []
    for (const each of all) {
      const group = groups.at(-1)
      if (group && equal(folded(group.items[0]!, false), folded(key(each), false)))
        (group.items[1] as Value[]).push(each)
      else groups.push(new Tuple([key(each), [each]]))
    }
    return groups
  },
  attr: (value, { args, style }) => attribute(value, args[0]!, style),
  tojson: asJson,
}
const ALIASES: Record<string, string> = { count: 'length', d: 'default', e: 'escape' }
const OF_CARDS: Record<string, Filter> = { regex_replace: regexReplace }

/** @throws Error for one that is not known here */
export function filterNamed(name: string, style: Style = 'card'): Filter {
  const own = ALIASES[name] ?? name
  const found = Object.hasOwn(FILTERS, own)
    ? FILTERS[own]
    : style === 'card' && Object.hasOwn(OF_CARDS, own)
      ? OF_CARDS[own]
      : undefined
  if (!found) throw new Error(`the filter ${name} is not supported`)
  return found
}

type Test = (value: Value, args: readonly Value[]) => boolean

const ordered =
  (operator: string): Test =>
  (value, [other]) =>
    operate(operator, value, other!) as boolean
const TESTS: Record<string, Test> = {
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  string: (value) => typeof value === 'string',
  number: (value) => isNumber(value),
  integer: (value) => typeof value === 'bigint',
  float: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  mapping: (value) => value instanceof Map,
  iterable: (value) =>
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Tuple ||
    value instanceof Range ||
    value instanceof View ||
    value instanceof Undefined,
  sequence: (value) =>
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Tuple ||
    value instanceof Range ||
    value instanceof Undefined,
  callable: (value) => typeof value === 'function' || value instanceof Undefined,
  odd: (value) => equal(operate('%', value, 2n), 1n),
  even: (value) => equal(operate('%', value, 2n), 0n),
  divisibleby: (value, [by]) => equal(operate('%', value, by!), 0n),
  upper: (value) => ((own) => own === own.toUpperCase() && own !== own.toLowerCase())(text(value)),
  lower: (value) => ((own) => own === own.toLowerCase() && own !== own.toUpperCase())(text(value)),
  sameas: (value, [other]) => value === other,
  in: (value, [list]) => operate('in', value, list!) as boolean,
  eq: ordered('=='),
  equalto: ordered('=='),
  '==': ordered('=='),
  ne: ordered('!='),
  '!=': ordered('!='),
  gt: ordered('>'),
  greaterthan: ordered('>'),
  '>': ordered('>'),
  ge: ordered('>='),
  '>=': ordered('>='),
  lt: ordered('<'),
  lessthan: ordered('<'),
  '<': ordered('<'),
  le: ordered('<='),
  '<=': ordered('<='),
}

/** @throws Error for one that is not known here */
export function testNamed(name: string): Test {
  if (!Object.hasOwn(TESTS, name)) throw new Error(`the test ${name} is not supported`)
  return TESTS[name]!
}
