// Quantiles of magnitudes from a histogram of the upper 16 of their 31 bits, which order like the numbers themselves.
import { BINS, floatOf } from '../kernels/index.js'

/** Bits below those of a bin. */
const SHIFT = 15

/** The ⌈q·n⌉-th smallest of n is the one of this rank from the largest on, which is 1. */
export const topRank = (q: number, n: number): number => n + 1 - Math.max(1, Math.ceil(q * n))

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(counts: Float64Array, qs: readonly number[]): number[] {
  const n = counts.reduce((sum, count) => sum + count, 0)
  return qs.map((q) => {
    if (!n) return NaN
    let [bin, left] = [BINS - 1, topRank(q, n)]
    for (; counts[bin]! < left; bin--) left -= counts[bin]!
    return bin === 0 ? 0 : floatOf((bin << SHIFT) | (1 << (SHIFT - 1)))
  })
}
