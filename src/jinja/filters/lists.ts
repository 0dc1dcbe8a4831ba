// Filters of lists and dicts, and of values that may be missing.

import { attributeOf } from '../methods.js'
import { operate, subscript } from '../operators.js'
import { testNamed } from '../tests.js'
import { printed } from '../text.js'
import { compare, equal, itemsOf, kindOf, lengthOf, NamedPair, Tuple, truth, Undefined, type Value } from '../values.js'
import { argument, argumentOr, type Call, type Filter, type TemplateStyle, wholeOr } from './call.js'

const folded = (value: Value, exact: boolean): Value =>
  typeof value === 'string' && !exact ? value.toLowerCase() : value

/** `a.b.0` of a value. */
function attribute(value: Value, path: Value, style: TemplateStyle): Value {
  return printed(path)
    .split('.')
    .reduce<Value>((found, part) => {
      const key = /^\d+$/.test(part) ? BigInt(part) : part
      const entry = subscript(found, key)
      const own = entry === undefined && typeof key === 'string' ? attributeOf(found, key, style === 'chat') : entry
      return own === undefined ? new Undefined(part, style === 'card') : own
    }, value)
}

/** What map and its like do with each entry: an attribute, or another filter. */
function mapped(call: Call): (value: Value) => Value {
  const { args, named, style } = call
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
  const filter = call.find(name)
  return (value) => filter(value, { ...call, args: rest })
}

/** None, a zero and their like hold no entries for the filters that ask Python's `if` first. */
const someOf = (list: Value): Value[] => (truth(list) ? itemsOf(list) : [])

const selected =
  (keep: boolean, byAttribute: boolean): Filter =>
  (list, { args, style }) => {
    const [path, rest] = byAttribute ? [args[0], args.slice(1)] : [undefined, args]
    const [name, ...more] = rest
    const passes = (value: Value) => (name === undefined ? truth(value) : testNamed(printed(name))(value, more))
    return someOf(list).filter((each) => passes(path === undefined ? each : attribute(each, path, style)) === keep)
  }

function sorted(
  list: Value[],
  call: Call,
  keyed: (value: Value) => Value,
  places: [reverse: number, exact: number],
): Value[] {
  const exact = truth(argument(call, places[1], 'case_sensitive') ?? false)
  const sign = truth(argument(call, places[0], 'reverse') ?? false) ? -1 : 1
  return [...list].sort((a, b) => sign * compare(folded(keyed(a), exact), folded(keyed(b), exact)))
}

const byAttribute = (call: Call, place: number): ((value: Value) => Value) => {
  const path = argument(call, place, 'attribute')
  return path === undefined || path === null ? (value) => value : (value) => attribute(value, path, call.style)
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
    const [key, exact] = [byAttribute(call, 1), truth(argument(call, 0, 'case_sensitive') ?? false)]
    const better = (best: Value, each: Value) =>
      sign * compare(folded(key(each), exact), folded(key(best), exact)) > 0 ? each : best
    return itemsOf(list).length
      ? itemsOf(list).reduce(better)
      : new Undefined('an entry of nothing', call.style === 'card')
  }

/** The entries of a dict, as pairs. */
function entriesOf(value: Value): Tuple[] {
  if (value instanceof Undefined) return []
  if (!(value instanceof Map)) throw new Error(`items is for a dict, not ${kindOf(value)}`)
  return [...value].map(([key, each]) => new Tuple([key, each]))
}

export const LIST_FILTERS: Record<string, Filter> = {
  length: (value) => BigInt(value instanceof Undefined ? itemsOf(value).length : lengthOf(value)),
  first: end('first', (list) => list[0]!),
  last: end('last', last),
  sort: (list, call) => sorted(itemsOf(list), call, byAttribute(call, 2), [0, 1]),
  join: (list, call) =>
    itemsOf(list)
      .map(byAttribute(call, 1))
      .map(printed)
      .join(printed(argument(call, 0, 'd') ?? '')),
  sum: (list, call) =>
    itemsOf(list)
      .map(byAttribute(call, 0))
      .reduce((total, each) => operate('+', total, each), argument(call, 1, 'start') ?? 0n),
  reverse: (value) => (typeof value === 'string' ? [...value].reverse().join('') : [...itemsOf(value)].reverse()),
  list: (value) => [...itemsOf(value)],
  default: (value, call) =>
    value instanceof Undefined || (truth(argument(call, 1, 'boolean') ?? false) && !truth(value))
      ? argumentOr(call, 0, 'default_value', '')
      : value,
  batch: (list, call) =>
    ((parts, fill = null) =>
      fill === null || parts.length === 0
        ? parts
        : [
            ...parts.slice(0, -1),
            [...last(parts), ...Array<Value>(wholeOr(call.args[0], 1) - last(parts).length).fill(fill)],
          ])(chunks(itemsOf(list), wholeOr(call.args[0], 1)), argument(call, 1, 'fill_with')),
  slice(list, call) {
    const [all, many] = [itemsOf(list), wholeOr(call.args[0], 1)]
    const [size, more, fill = null] = [Math.floor(all.length / many), all.length % many, argument(call, 1, 'fill_with')]
    return Array.from({ length: many }, (_, i) => [
      ...all.slice(i * size + Math.min(i, more), (i + 1) * size + Math.min(i + 1, more)),
      ...(fill !== null && i >= more ? [fill] : []),
    ])
  },
  unique(list, call) {
    const [key, exact] = [byAttribute(call, 1), truth(argument(call, 0, 'case_sensitive') ?? false)]
    const keys = itemsOf(list).map((each) => folded(key(each), exact))
    return itemsOf(list).filter((_, i) => keys.findIndex((other) => equal(other, keys[i]!)) === i)
  },
  max: extreme(1),
  min: extreme(-1),
  dictsort: (value, call) =>
    sorted(
      itemsOf(entriesOf(value)),
      call,
      (pair) => (pair as Tuple).items[argument(call, 1, 'by') === 'value' ? 1 : 0]!,
      [2, 0],
    ),
  items: entriesOf,
  map: (list, call) => someOf(list).map(mapped(call)),
  select: selected(true, false),
  reject: selected(false, false),
  selectattr: selected(true, true),
  rejectattr: selected(false, true),
  groupby(list, call) {
    const key = byAttribute(call, 0)
    const all = [...itemsOf(list)].sort((a, b) => compare(folded(key(a), false), folded(key(b), false)))
    const groups: NamedPair[] = []
    for (const each of all) {
      const group = groups.at(-1)
      if (group && equal(folded(group.items[0]!, false), folded(key(each), false))) group.list.push(each)
      else groups.push(new NamedPair(key(each), [each]))
    }
    return groups
  },
  attr(value, { args, style }) {
    const own = attributeOf(value, printed(args[0]!), style === 'chat')
    return own === undefined ? new Undefined(printed(args[0]!), style === 'card') : own
  },
}
