// Estimates of storage that several editors share, in bits. They assume that a value that is kept is rounded to 16 bits; files that
// are written hold whole weights in their own format.

import { countEntries } from '../tensor/index.js'

/** Every entry as a 16-bit value. */
export const denseBits = (shape: readonly number[]) => 16 * countEntries(shape)

/** The cheapest of: dense; a bitmask and the kept values; the kept values each with its index of ceil(log2 n) bits. */
export function sparseBits(shape: readonly number[], kept: number): number {
  const n = countEntries(shape)
  return Math.min(16 * n, n + 16 * kept, kept * (16 + Math.ceil(Math.log2(n))))
}
