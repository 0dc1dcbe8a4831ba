// A small seeded stream of draws for generating text (sfc32, keyed by strings through SHA-256). Edits of weights never use
// it: their masks are counter-based (tensor/), whereas text is drawn in order, so a longer corpus begins with a shorter one.
import { keyOf } from '../src/kernels/index.js'

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Uniform integer, both ends included. */
  integer(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  /** `count` different elements in random order. */
  sample<T>(list: readonly T[], count: number): T[]
}

export function randomFrom(...parts: (string | number)[]): Random {
  const [first, second] = keyOf(...parts)
  let [a, b, c, counter] = [first | 0, second | 0, 0, 1]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 12; round++) next() // spread the key over the whole state before the first draw

  const uniform = () => next() / 2 ** 32
  const integer = (low: number, high: number) => low + Math.floor(uniform() * (high - low + 1))
  return {
    uniform,
    integer,
    chance: (probability) => uniform() < probability,
    pick: (list) => list[integer(0, list.length - 1)]!,
    sample(list, count) {
      const rest = [...list]
      return Array.from({ length: count }, () => rest.splice(integer(0, rest.length - 1), 1)[0]!)
    },
  }
}
