// What every template knows: range, dict, namespace, joiner, and the `loop` of a loop.
import type { TemplateStyle } from './filters/index.js'
import { type Callable, Range, Space, Tuple, Undefined, type Value } from './values.js'

/** Entries of a range that there may be: a template cannot run for ever. */
const LIMIT = 1e6

const range: Callable = (args) => {
  const [a, b, c] = args.map(Number)
  const [start, stop, step] = args.length === 1 ? [0, a, 1] : [a, b, c ?? 1]
  if (![start, stop, step].every(Number.isInteger) || step === 0)
    throw new Error('range is of integers, and its step not 0')
  const count = Math.ceil((stop! - start!) / step)
  if (count > LIMIT) throw new Error(`a range of ${count} entries is too long`)
  return new Range(start!, stop!, step)
}

const dict: Callable = ([other], named) => new Map([...(other instanceof Map ? other : []), ...named])
const namespace: Callable = ([other], named) =>
  new Space('namespace', new Map([...(other instanceof Map ? (other as Map<string, Value>) : []), ...named]))

const joiner: Callable = ([separator = ', ']) => {
  let first = true
  return () => {
    const text = first ? '' : separator
    first = false
    return text
  }
}

const unsupported =
  (name: string): Callable =>
  () => {
    throw new Error(`${name} is not supported`)
  }

export const GLOBALS: readonly [string, Value][] = [
  ['range', range],
  ['dict', dict],
  ['namespace', namespace],
  ['joiner', joiner],
  ['cycler', unsupported('cycler')],
  ['lipsum', unsupported('lipsum')],
]

/** `loop` in the turn `i`. */
export function turnOf(items: Value[], i: number, style: TemplateStyle, changed: (value: Value) => boolean): Space {
  const [at, count] = [BigInt(i), BigInt(items.length)]
  const missing = (name: string) => new Undefined(name, style === 'card')
  return new Space(
    'loop',
    new Map<string, Value>([
      ['index', at + 1n],
      ['index0', at],
      ['revindex', count - at],
      ['revindex0', count - at - 1n],
      ['first', i === 0],
      ['last', i === items.length - 1],
      ['length', count],
      ['depth', 1n],
      ['depth0', 0n],
      ['previtem', i ? items[i - 1]! : missing('loop.previtem')],
      ['nextitem', i + 1 < items.length ? items[i + 1]! : missing('loop.nextitem')],
      ['cycle', (args) => args[i % args.length]!],
      ['changed', (args) => changed(new Tuple(args))],
    ]),
  )
}
