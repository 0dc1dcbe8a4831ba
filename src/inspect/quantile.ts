// Quantiles of magnitudes from a histogram of the upper 16 of their 31 bits, which order like the numbers themselves.
import { BINS, floatOf } from '../kernels/index.js'

/** Bits below those of a bin. */
const SHIFT = 15

/** The ⌈q·n⌉-th smallest of n is the one of this rank from the largest on, which is 1. */
export const topRank = (q: number, n: number): number => n + 1 - Math.max(1, Math.ceil(q * n))

/** The bin of the entry of a rank from the largest on, and its rank in the bin. @param bins ascending, each followed by its count */
function locate(bins: ArrayLike<number>, rank: number): { bin: number; left: number } {
  let [i, left] = [bins.length - 2, rank]
  for (; bins[i + 1]! < left; i -= 2) left -= bins[i + 1]!
  return { bin: bins[i]!, left }
}

/** The bins that have entries, ascending, each followed by its count. */
function binsOf(counts: Float64Array): number[] {
  const bins: number[] = []
  for (let bin = 0; bin < counts.length; bin++) if (counts[bin]) bins.push(bin, counts[bin]!)
  return bins
}

/** Bins in any order → ascending, each once. Those of one block are so. */
function sortBins(bins: Int32Array): ArrayLike<number> {
  for (let i = 2; i < bins.length; i += 2)
    if (bins[i]! <= bins[i - 2]!) return binsOf(addBins(new Float64Array(BINS), bins))
  return bins
}

/** Adds bins, each followed by its count. */
export function addBins(counts: Float64Array, bins: ArrayLike<number>): Float64Array {
  for (let i = 0; i < bins.length; i += 2) counts[bins[i]!]! += bins[i + 1]!
  return counts
}

/**
 * The magnitudes of ranks from the largest on.
 * @param bins each followed by its count; one may come again
 * @param fine the magnitudes, as bits, that are not the least of their bin
 */
export function magnitudesAt(ranks: readonly number[], bins: Int32Array, fine: Int32Array): number[] {
  const sorted = sortBins(bins)
  const places = ranks.map((rank) => locate(sorted, rank))
  const inside = new Map(places.map(({ bin }) => [bin, [] as number[]]))
  for (let i = 0; i < fine.length; i++) inside.get(fine[i]! >> SHIFT)?.push(fine[i]!)
  return places.map(({ bin, left }) => {
    const finer = inside.get(bin)!.sort((a, b) => b - a)
    return floatOf(finer[left - 1] ?? bin << SHIFT)
  })
}

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(counts: Float64Array, qs: readonly number[]): number[] {
  const n = counts.reduce((sum, count) => sum + count, 0)
  const bins = binsOf(counts)
  return qs.map((q) => {
    if (!n) return NaN
    const { bin } = locate(bins, topRank(q, n))
    return bin === 0 ? 0 : floatOf((bin << SHIFT) | (1 << (SHIFT - 1)))
  })
}
