// Exact quantiles of magnitudes without sorting: the bits of a non-negative float32 order like the numbers themselves, so the upper 16 of
// 31 bits give a histogram and the lower 15 the place inside one of its bins.
import { floatOf } from '../kernels/index.js'

const SHIFT = 15
/** Bins of the upper bits: 8 of exponent, 8 of fraction. */
export const BINS = 1 << 16

/** The bin of the ⌈q·n⌉-th smallest magnitude, and how many of its bin come before it. */
export interface BinPlace {
  bin: number
  before: number
}

export function locate(counts: Float64Array, n: number, q: number): BinPlace {
  const rank = Math.max(1, Math.ceil(q * n)) - 1
  let seen = 0
  let bin = 0
  while (seen + counts[bin]! <= rank) seen += counts[bin++]!
  return { bin, before: rank - seen }
}

/** The magnitude at a place. @param inside counts of the lower bits of the entries of its bin */
export function magnitudeAt({ bin, before }: BinPlace, inside: Float64Array): number {
  let low = 0
  for (let seen = inside[0]!; seen <= before; seen += inside[low]!) low++
  return floatOf((bin << SHIFT) | low)
}

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(counts: Float64Array, qs: readonly number[]): number[] {
  const n = counts.reduce((sum, count) => sum + count, 0)
  return qs.map((q) => {
    if (!n) return NaN
    const { bin } = locate(counts, n, q)
    return bin === 0 ? 0 : floatOf((bin << SHIFT) | (1 << (SHIFT - 1)))
  })
}
