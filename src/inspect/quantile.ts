// Quantiles of magnitudes from a histogram of the upper 16 of their 31 bits, which order like the numbers themselves.
import { BINS, floatOf } from '../kernels/index.js'

/** Bits below those of a bin. */
const SHIFT = 15

/** The ⌈q·n⌉-th smallest of n is the one of this rank from the largest on, which is 1. */
export const topRank = (q: number, n: number): number => n + 1 - Math.max(1, Math.ceil(q * n))

/** The bin of the entry of a rank from the largest on, and its rank in the bin. */
function locate(counts: Float64Array, rank: number): { bin: number; left: number } {
  let [bin, left] = [counts.length - 1, rank]
  for (; counts[bin]! < left; bin--) left -= counts[bin]!
  return { bin, left }
}

/** Counts of all bins up to the last one that has entries. @param bins each followed by its count */
export function countsOf(bins: Int32Array): Float64Array {
  let last = 0
  for (let i = 0; i < bins.length; i += 2) last = Math.max(last, bins[i]!)
  return addBins(new Float64Array(last + 1), bins)
}

/** Adds bins, each followed by its count. */
export function addBins(counts: Float64Array, bins: ArrayLike<number>): Float64Array {
  for (let i = 0; i < bins.length; i += 2) counts[bins[i]!]! += bins[i + 1]!
  return counts
}

/** The magnitude of a rank from the largest on. @param fine the magnitudes, as bits, that are not the least of their bin */
export function magnitudeAt(rank: number, counts: Float64Array, fine: Int32Array): number {
  const { bin, left } = locate(counts, rank)
  const inside = fine.filter((bits) => bits >> SHIFT === bin).sort()
  return floatOf(inside[inside.length - left] ?? bin << SHIFT)
}

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(counts: Float64Array, qs: readonly number[]): number[] {
  const n = counts.reduce((sum, count) => sum + count, 0)
  return qs.map((q) => {
    if (!n) return NaN
    const { bin } = locate(counts, topRank(q, n))
    return bin === 0 ? 0 : floatOf((bin << SHIFT) | (1 << (SHIFT - 1)))
  })
}
