// Python's random.Random(seed), sample and random, so that examples are those that tools in Python draw.
import { drawWords, STATE_WORDS, startState } from './words.js'

export interface Twister {
  /** `count` different indices below `size`, in the order drawn; each call continues the sequence of the last one. */
  sample(size: number, count: number): number[]
  /** A number in [0, 1) of 53 bits. */
  random(): number
}

/** @param seed a whole number from 0 to 2^32 − 1 */
export function seedTwister(seed: number): Twister {
  const word = drawWords(initialise(seed))
  /** The next `bits` (1 to 32) random bits. */
  const draw = (bits: number): number => word() >>> (32 - bits)
  const below = (limit: number): number => {
    const bits = 32 - Math.clz32(limit)
    for (;;) {
      const value = draw(bits)
      if (value < limit) return value
    }
  }
  return {
    random: () => (draw(27) * 2 ** 26 + draw(26)) / 2 ** 53,
    sample(size, count) {
      // Python swaps within a small pool and remembers what it drew from a large one; the draws differ.
      const bound = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0)
      if (size <= bound) {
        const pool = Array.from({ length: size }, (_, i) => i)
        return Array.from({ length: count }, (_, i) => {
          const chosen = below(size - i)
          const value = pool[chosen]!
          pool[chosen] = pool[size - i - 1]!
          return value
        })
      }
      const drawn = new Set<number>()
      while (drawn.size < count) drawn.add(below(size))
      return [...drawn]
    },
  }
}

/** The published initialisation by an array, of the one word that a small seed is. */
function initialise(seed: number): Uint32Array {
  const state = startState(19650218)
  let i = 1
  const advance = (next: number) => {
    state[i++] = next
    if (i === STATE_WORDS) {
      state[0] = state[STATE_WORDS - 1]!
      i = 1
    }
  }
  const before = () => state[i - 1]! ^ (state[i - 1]! >>> 30)
  for (let k = 0; k < STATE_WORDS; k++) advance((state[i]! ^ Math.imul(before(), 1664525)) + seed)
  for (let k = 1; k < STATE_WORDS; k++) advance((state[i]! ^ Math.imul(before(), 1566083941)) - i)
  state[0] = 0x80000000
  return state
}
