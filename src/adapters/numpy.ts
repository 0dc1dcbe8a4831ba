// NumPy's default_rng(seed): the words of PCG64, and the draws that NumPy 2 makes of them.

const MASK = (1n << 128n) - 1n
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n

export interface NumpyGenerator {
  /** `count` different numbers below `size`, in a random order. */
  choice(size: number, count: number): number[]
  /** In place. */
  shuffle(values: Int32Array): void
}

/** @param seed a whole number from 0 to 2^53 */
export function seedNumpy(seed: number): NumpyGenerator {
  const word = drawWords(seed)
  /** A whole number from 0 to `most`, below 2^32 (Lemire 2019). */
  const upTo = (most: number): number => {
    if (most === 0) return 0
    const range = BigInt(most) + 1n
    let product = word() * range
    if ((product & 0xffffffffn) < range) {
      const least = (0x100000000n - range) % range
      while ((product & 0xffffffffn) < least) product = word() * range
    }
    return Number(product >> 32n)
  }
  /** The same by throwing away what is too large. */
  const within = (most: number): number => {
    const mask = 2 ** (32 - Math.clz32(most)) - 1
    for (;;) {
      const value = (Number(word()) & mask) >>> 0
      if (value <= most) return value
    }
  }
  /** Each place from the last down to `first` is swapped with one that is not behind it. */
  const mix = (values: Int32Array | number[], first: number, draw: (most: number) => number): void => {
    for (let i = values.length - 1; i >= first; i--) {
      const j = draw(i)
      const held = values[i]!
      values[i] = values[j]!
      values[j] = held
    }
  }
  return {
    choice(size, count) {
      if (size > 10000 && count > Math.floor(size / 50)) {
        const all = Array.from({ length: size }, (_, i) => i)
        mix(all, Math.max(size - count, 1), upTo)
        return all.slice(size - count)
      }
      const chosen = new Set<number>()
      for (let j = size - count; j < size; j++) {
        const drawn = upTo(j)
        chosen.add(chosen.has(drawn) ? j : drawn)
      }
      const order = [...chosen]
      mix(order, 1, upTo)
      return order
    },
    shuffle: (values) => mix(values, 1, within),
  }
}

/** Words of 32 bits: the lower half of a number of 64 first. */
function drawWords(seed: number): () => bigint {
  const [high, low, high2, low2] = seedWords(BigInt(seed)) as [bigint, bigint, bigint, bigint]
  const increment = ((((high2 << 64n) | low2) << 1n) | 1n) & MASK
  let state = (((increment + ((high << 64n) | low)) & MASK) * MULTIPLIER + increment) & MASK
  let held: bigint | null = null
  return () => {
    if (held !== null) {
      const word = held
      held = null
      return word
    }
    state = (state * MULTIPLIER + increment) & MASK
    const turn = state >> 122n
    const folded = (state >> 64n) ^ (state & 0xffffffffffffffffn)
    const number = ((folded >> turn) | (folded << (64n - turn))) & 0xffffffffffffffffn
    held = number >> 32n
    return number & 0xffffffffn
  }
}

/** NumPy's SeedSequence (O'Neill 2015, seed_seq_fe128): four words of 64 bits. */
function seedWords(seed: bigint): bigint[] {
  const low32 = (value: bigint) => value & 0xffffffffn
  const hasher = (start: bigint, factor: bigint) => {
    let constant = start
    return (value: bigint): bigint => {
      const mixed = low32(value ^ constant)
      constant = low32(constant * factor)
      const hashed = low32(mixed * constant)
      return hashed ^ (hashed >> 16n)
    }
  }
  const join = (one: bigint, two: bigint): bigint => {
    const joined = low32(low32(one * 0xca01f9ddn) - low32(two * 0x4973f715n))
    return joined ^ (joined >> 16n)
  }
  const hash = hasher(0x43b0d7e5n, 0x931e8875n)
  const entropy = [low32(seed), seed >> 32n]
  const pool = Array.from({ length: 4 }, (_, i) => hash(entropy[i] ?? 0n))
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = join(pool[to]!, hash(pool[from]!))
  const draw = hasher(0x8b51f9ddn, 0x58f38dedn)
  const words = Array.from({ length: 8 }, (_, i) => draw(pool[i % 4]!))
  return Array.from({ length: 4 }, (_, i) => words[2 * i]! | (words[2 * i + 1]! << 32n))
}
