// Python's random.Random(seed), sample and random: the Mersenne Twister (Matsumoto & Nishimura 1998, MT19937) and the draws made from it,
// so that examples are those that tools in Python draw.

const SIZE = 624
const MIDDLE = 397

export interface Twister {
  /** `count` different indices below `size`, in the order drawn; each call continues the sequence of the last one. */
  sample(size: number, count: number): number[]
  /** A number in [0, 1) of 53 bits. */
  random(): number
}

/** @param seed a whole number from 0 to 2^32 − 1 */
export function seedTwister(seed: number): Twister {
  const state = initialise(seed)
  let at = SIZE
  /** The next `bits` (1 to 32) random bits. */
  const draw = (bits: number): number => {
    if (at === SIZE) {
      twist(state)
      at = 0
    }
    let y = state[at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    y ^= y >>> 18
    return (y >>> 0) >>> (32 - bits)
  }
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
  const state = new Uint32Array(SIZE)
  state[0] = 19650218
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i
  let i = 1
  const advance = (next: number) => {
    state[i++] = next
    if (i === SIZE) {
      state[0] = state[SIZE - 1]!
      i = 1
    }
  }
  const before = () => state[i - 1]! ^ (state[i - 1]! >>> 30)
  for (let k = 0; k < SIZE; k++) advance((state[i]! ^ Math.imul(before(), 1664525)) + seed)
  for (let k = 1; k < SIZE; k++) advance((state[i]! ^ Math.imul(before(), 1566083941)) - i)
  state[0] = 0x80000000
  return state
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < SIZE; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff)
    state[i] = state[(i + MIDDLE) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
  }
}
