// Values of templates as Python has them: an integer is a bigint, a float a number, a list an array, a dict a Map.
import { Float, Whole } from './numbers.js'

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Value[]
  | Tuple
  | Range
  | Dict
  | DictView
  | Space
  | Undefined
  | Callable
export type Dict = Map<Value, Value>
/** @param named keyword arguments */
export type Callable = (args: Value[], named: Map<string, Value>) => Value

export class Tuple {
  constructor(readonly items: Value[]) {}
}

/** What keys(), values() and items() of a dict give: a list that prints otherwise. */
export class DictView {
  constructor(
    readonly kind: 'keys' | 'values' | 'items',
    readonly items: Value[],
  ) {}
}

/** Integers at even distances, as Python's range: no list to print, to join or to compare with. */
export class Range {
  readonly items: Value[]
  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {
    this.items = Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) =>
      BigInt(start + i * step),
    )
  }
}

/** What has attributes: a namespace, a loop. */
export class Space {
  constructor(
    readonly name: 'namespace' | 'loop',
    readonly attributes: Map<string, Value>,
  ) {}
}

/** An entry of groupby: a pair whose parts have names. */
export class NamedPair extends Tuple {
  readonly attributes: ReadonlyMap<string, Value>
  constructor(
    grouper: Value,
    readonly list: Value[],
  ) {
    super([grouper, list])
    this.attributes = new Map<string, Value>([
      ['grouper', grouper],
      ['list', list],
    ])
  }
}

/** A name, attribute or entry that is not there. `strict`: it may be asked about, and nothing else. */
export class Undefined {
  constructor(
    readonly what: string,
    readonly strict: boolean,
  ) {}
  /** @throws Error where the reference has one */
  refuse(): never {
    throw new Error(`${this.what} is undefined`)
  }
}

/** @throws Error for what is strictly undefined */
export function used<T extends Value>(value: T): T {
  if (value instanceof Undefined && value.strict) value.refuse()
  return value
}

export const isNumber = (value: Value): value is bigint | number | boolean =>
  typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean'
export const toNumber = (value: bigint | number | boolean): bigint | number =>
  typeof value === 'boolean' ? BigInt(value) : value

/** A value of JavaScript's as one of Python's. @throws Error for what is neither */
export function toValue(value: unknown, from = 'a value'): Value {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint')
    return value
  if (value instanceof Float) return Number(value)
  if (value instanceof Whole) return value.value
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && !Object.is(value, -0)
      ? BigInt(value)
      : value
  if (typeof value === 'function') return value as Callable
  if (Array.isArray(value)) return value.map((each) => toValue(each, from))
  if (value === undefined) return null
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return new Map(Object.entries(value).map(([key, each]) => [key, toValue(each, from)]))
  throw new Error(`${from} is of a kind that templates do not read here`)
}

export function truth(value: Value): boolean {
  used(value)
  if (value === null || value instanceof Undefined) return false
  if (typeof value === 'object' || Array.isArray(value)) return value instanceof Space || lengthOf(value) !== 0
  return typeof value === 'function' || Boolean(value)
}

/** What a loop goes over. @throws Error for what is no list, text or dict */
export function itemsOf(value: Value): Value[] {
  used(value)
  if (value instanceof Undefined) return []
  if (Array.isArray(value)) return value
  if (value instanceof Tuple || value instanceof Range || value instanceof DictView) return value.items
  if (typeof value === 'string') return [...value]
  if (value instanceof Map) return [...value.keys()]
  throw new Error(`${kindOf(value)} is not iterable`)
}

export const lengthOf = (value: Value): number => (value instanceof Map ? value.size : itemsOf(value).length)

export function kindOf(value: Value): string {
  if (value === null) return 'None'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Tuple) return 'a tuple'
  if (value instanceof Range) return 'a range'
  if (value instanceof Map) return 'a dict'
  if (value instanceof Undefined) return 'what is undefined'
  return (
    { string: 'a text', bigint: 'an integer', number: 'a float', boolean: 'a truth value', function: 'a function' }[
      typeof value as string
    ] ?? 'an object'
  )
}

export function equal(a: Value, b: Value): boolean {
  used(a)
  used(b)
  if (a instanceof Undefined || b instanceof Undefined) return a instanceof Undefined && b instanceof Undefined
  // biome-ignore lint/suspicious/noDoubleEquals: an integer equals a float of the same value
  if (isNumber(a) && isNumber(b)) return toNumber(a) == toNumber(b)
  const lists =
    (Array.isArray(a) && Array.isArray(b)) ||
    (a instanceof Tuple && b instanceof Tuple) ||
    (a instanceof Range && b instanceof Range)
  if (lists)
    return itemsOf(a).length === itemsOf(b).length && itemsOf(a).every((each, i) => equal(each, itemsOf(b)[i]!))
  if (a instanceof Map && b instanceof Map)
    return (
      a.size === b.size &&
      [...a].every(([key, value]) => entryOf(b, key) !== undefined && equal(value, entryOf(b, key)!))
    )
  return a === b
}

/** An entry of a dict: keys are equal as Python's are. */
export function entryOf(dict: Dict, key: Value): Value | undefined {
  if (dict.has(key)) return dict.get(key)
  return isNumber(key) ? [...dict].find(([each]) => equal(each, key))?.[1] : undefined
}

/** Below, equal or above 0. @throws Error for kinds that have no order */
export function compare(a: Value, b: Value): number {
  if (a instanceof Undefined) a.refuse()
  if (b instanceof Undefined) b.refuse()
  if (isNumber(a) && isNumber(b)) return toNumber(a) < toNumber(b) ? -1 : Number(toNumber(a) > toNumber(b))
  if (typeof a === 'string' && typeof b === 'string') {
    const [one, two] = [[...a], [...b]]
    for (let i = 0; i < one.length && i < two.length; i++)
      if (one[i] !== two[i]) return one[i]!.codePointAt(0)! - two[i]!.codePointAt(0)!
    return one.length - two.length
  }
  if ((Array.isArray(a) && Array.isArray(b)) || (a instanceof Tuple && b instanceof Tuple)) {
    const [one, two] = [itemsOf(a), itemsOf(b)]
    for (let i = 0; i < one.length && i < two.length; i++)
      if (!equal(one[i]!, two[i]!)) return compare(one[i]!, two[i]!)
    return one.length - two.length
  }
  throw new Error(`${kindOf(a)} and ${kindOf(b)} have no order`)
}
