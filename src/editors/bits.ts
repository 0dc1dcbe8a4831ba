// Estimates of storage in bits, shared by several editors. They count 16 bits for each kept value. They are estimates only: the files
// that deltalab writes hold complete weights in the format of the model.

import { countEntries } from '../tensor/index.js'

/** Every entry as a 16-bit value. */
export const denseBits = (shape: readonly number[]) => 16 * countEntries(shape)

/** The smallest of three forms: dense; a bitmask with the kept values; the kept values with an index of ceil(log2 n) bits each. */
export function sparseBits(shape: readonly number[], kept: number): number {
  const n = countEntries(shape)
  return Math.min(16 * n, n + 16 * kept, kept * (16 + Math.ceil(Math.log2(n))))
}
