// Draws of PyTorch's generator on CPU, for what is made of a seed and not stored (torch 2.13.0, aten/src/ATen/native/cpu).
import { drawWords, startState } from './words.js'

export interface TorchGenerator {
  /** Float32 from `low` to below `high`: 24 bits of a word for each. */
  uniform(count: number, low: number, high: number): Float32Array
  /** The numbers below `size` in a random order; so many of them. */
  permutation(size: number, count?: number): number[]
}

/** torch.Generator().manual_seed(seed). */
export function seedTorch(seed: number): TorchGenerator {
  const word = drawWords(startState(seed % 2 ** 32))
  return {
    uniform: (count, low, high) => {
      const [range, least] = [Math.fround(high - low), Math.fround(low)]
      // Product and sum are rounded together, as by a fused multiply-add.
      return Float32Array.from({ length: count }, () => (word() & 0xffffff) * 2 ** -24 * range + least)
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
