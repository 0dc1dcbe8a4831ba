// Draws of PyTorch's generator on CPU, for what is made of a seed and not stored (torch 2.13.0, aten/src/ATen/native/cpu).
import { drawWords, startState } from './words.js'

export interface TorchGenerator {
  /** Float32 from `low` to below `high`: 24 bits of a word for each. */
  uniform(count: number, low: number, high: number): Float32Array
  /** bfloat16 from −`bound` to below `bound`, uniform. */
  bfloat16(count: number, bound: number): Float32Array
  /** Float32 of a normal distribution. */
  normal(count: number, deviation: number): Float32Array
  /** The numbers below `size` in a random order; so many of them. */
  permutation(size: number, count?: number): number[]
  /** So many whole numbers from 0 to below `size`. */
  integers(count: number, size: number): Uint32Array
  /** Goes on as if so many numbers had been drawn. */
  skip(count: number): void
}

/** torch.Generator().manual_seed(seed). */
export function seedTorch(seed: number): TorchGenerator {
  const word = drawWords(startState(seed % 2 ** 32))
  const uniform = (count: number, low: number, high: number): Float32Array => {
    const [range, least] = [Math.fround(high - low), Math.fround(low)]
    // Product and sum are rounded together, as by a fused multiply-add.
    return Float32Array.from({ length: count }, () => (word() & 0xffffff) * 2 ** -24 * range + least)
  }
  return {
    uniform,
    bfloat16(count, bound) {
      const [limit] = toBfloat16(Float32Array.of(bound))
      // What is rounded up to the end, which does not belong to it, is the beginning.
      return toBfloat16(uniform(count, -bound, bound)).map((value) => (value >= limit! ? -limit! : value))
    },
    normal: (count, deviation) =>
      count < 16 ? normalOneByOne(word, count, deviation) : normalInBlocks(uniform, count, deviation),
    integers: (count, size) => Uint32Array.from({ length: count }, () => word() % size),
    skip(count) {
      for (let i = 0; i < count; i++) word()
    },
    permutation(size, count = size) {
      /** Numbers that are not at their own place. */
      const moved = new Map<number, number>()
      return Array.from({ length: Math.min(count, size) }, (_, i) => {
        // The last number has no choice, and takes no word.
        const j = i < size - 1 ? i + (word() % (size - i)) : i
        const [here, chosen] = [moved.get(i) ?? i, moved.get(j) ?? j]
        moved.delete(i)
        if (j > i) moved.set(j, here)
        return chosen
      })
    },
  }
}

/** Box and Muller: in each 16 uniform numbers the first eight give lengths, the others turns. The last 16 are drawn anew where they are no whole block. */
function normalInBlocks(uniform: TorchGenerator['uniform'], count: number, deviation: number): Float32Array {
  const values = uniform(count, 0, 1)
  const fill = (at: number) => {
    for (let j = at; j < at + 8; j++) {
      const length = Math.sqrt(-2 * Math.log(1 - values[j]!))
      const turn = 2 * Math.PI * values[j + 8]!
      values[j] = deviation * length * Math.cos(turn)
      values[j + 8] = deviation * length * Math.sin(turn)
    }
  }
  for (let at = 0; at + 16 <= count; at += 16) fill(at)
  if (count % 16) {
    values.set(uniform(16, 0, 1), count - 16)
    fill(count - 16)
  }
  return values
}

/** The same by pairs, of numbers of 53 bits. */
function normalOneByOne(word: () => number, count: number, deviation: number): Float32Array {
  const double = () => ((word() % 2 ** 21) * 2 ** 32 + word()) * 2 ** -53
  const values: number[] = []
  while (values.length < count) {
    const turn = 2 * Math.PI * double()
    const length = Math.sqrt(-2 * Math.log1p(-double()))
    values.push(deviation * length * Math.cos(turn), deviation * length * Math.sin(turn))
  }
  return Float32Array.from(values.slice(0, count))
}

/** To the nearest bfloat16, in place; ties go to the even one. */
export function toBfloat16(values: Float32Array): Float32Array {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) & 0xffff0000
  return values
}
