// Operators, subscripts and slices as Python has them.
import { formatted, printed } from './text.js'
import {
  compare,
  DictView,
  entryOf,
  equal,
  isNumber,
  itemsOf,
  kindOf,
  Range,
  Tuple,
  toNumber,
  Undefined,
  used,
  type Value,
} from './values.js'

const mod = (a: number, b: number) => ((r) => (r !== 0 && r < 0 !== b < 0 ? r + b : r))(a % b)
const divided = (a: bigint, b: bigint) => (a % b !== 0n && a < 0n !== b < 0n ? a / b - 1n : a / b)

/** @throws Error for kinds that the operator does not take, and for a division by zero */
export function operate(operator: string, left: Value, right: Value): Value {
  if (operator === '==') return equal(left, right)
  if (operator === '!=') return !equal(left, right)
  if (operator === '~') return printed(left) + printed(right)
  if (operator === 'in' || operator === 'not in') return contains(right, left) === (operator === 'in')
  for (const side of [left, right]) if (side instanceof Undefined) side.refuse()
  if (['<', '>', '<=', '>='].includes(operator)) {
    const order = compare(left, right)
    return operator.startsWith('<')
      ? order < 0 || (operator === '<=' && order === 0)
      : order > 0 || (operator === '>=' && order === 0)
  }
  if (operator === '%' && typeof left === 'string') return formatted(left, right)
  if (isNumber(left) && isNumber(right)) return calculate(operator, toNumber(left), toNumber(right))
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return left + right
    if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right]
    if (left instanceof Tuple && right instanceof Tuple) return new Tuple([...left.items, ...right.items])
  }
  if (operator === '*') {
    const [some, count] = typeof right === 'bigint' || typeof right === 'boolean' ? [left, right] : [right, left]
    if (
      (typeof count === 'bigint' || typeof count === 'boolean') &&
      (typeof some === 'string' || Array.isArray(some))
    ) {
      const times = Math.max(0, Number(count))
      return typeof some === 'string' ? some.repeat(times) : Array.from({ length: times }, () => some).flat(1)
    }
  }
  throw new Error(`${operator} is not for ${kindOf(left)} and ${kindOf(right)}`)
}

function calculate(operator: string, left: bigint | number, right: bigint | number): Value {
  if (['/', '//', '%'].includes(operator) && Number(right) === 0) throw new Error('division by zero')
  if (operator === '/') return Number(left) / Number(right)
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    if (operator === '+') return left + right
    if (operator === '-') return left - right
    if (operator === '*') return left * right
    if (operator === '//') return divided(left, right)
    if (operator === '%') return left - divided(left, right) * right
    if (operator === '**' && right >= 0n) return left ** right
  }
  const [a, b] = [Number(left), Number(right)]
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  if (operator === '*') return a * b
  if (operator === '//') return Math.floor(a / b)
  if (operator === '%') return mod(a, b)
  if (operator === '**') return a ** b
  throw new Error(`the operator ${operator} is not known`)
}

function contains(list: Value, item: Value): boolean {
  used(item)
  if (typeof list === 'string') {
    if (typeof item !== 'string') throw new Error(`in a text there is no ${kindOf(item)}`)
    return list.includes(item)
  }
  return itemsOf(list).some((each) => equal(each, item))
}

/** `value[key]`, or undefined where there is nothing. */
export function subscript(value: Value, key: Value): Value | undefined {
  if (value instanceof Map) return entryOf(value, key)
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined
  const list =
    typeof value === 'string'
      ? [...value]
      : Array.isArray(value)
        ? value
        : value instanceof Tuple || value instanceof Range
          ? value.items
          : []
  return list.at(Number(key))
}

/** `value[start:stop:step]`. @throws Error for what has no order */
export function slice(value: Value, ...bounds: (Value | undefined)[]): Value {
  if (value instanceof Undefined) value.refuse()
  if (
    value instanceof DictView ||
    (typeof value !== 'string' && !Array.isArray(value) && !(value instanceof Tuple) && !(value instanceof Range))
  )
    throw new Error(`${kindOf(value)} has no parts`)
  const list = itemsOf(value)
  const [start, stop, step = 1] = bounds.map((bound) => {
    if (bound === undefined || bound === null) return undefined
    if (typeof bound !== 'bigint') throw new Error(`a part begins and ends at an integer, not ${kindOf(bound)}`)
    return Number(bound)
  })
  if (step === 0) throw new Error('a step of 0')
  const place = (at: number | undefined, otherwise: number, low: number, high: number) =>
    at === undefined ? otherwise : Math.min(high, Math.max(low, at < 0 ? at + list.length : at))
  const size = list.length
  const [from, to] =
    step > 0
      ? [place(start, 0, 0, size), place(stop, size, 0, size)]
      : [place(start, size - 1, -1, size - 1), place(stop, -1, -1, size - 1)]
  if (value instanceof Range)
    return new Range(value.start + from * value.step, value.start + to * value.step, value.step * step)
  const found: Value[] = []
  for (let i = from; step > 0 ? i < to : i > to; i += step) found.push(list[i]!)
  if (typeof value === 'string') return found.join('')
  return Array.isArray(value) ? found : new Tuple(found)
}
