// Quantiles of magnitudes from a histogram of the upper 16 of their 31 bits, which order like the numbers themselves.
import { BIN_SHIFT, BINS, floatOf } from '../kernels/index.js'

/** Lists of the blocks of a tensor, of one kind of array: loops over them are hot. */
export type Lists = readonly Float64Array[]

/** The ⌈q·n⌉-th smallest of n is the one of this rank from the largest on, which is 1. */
export const topRank = (q: number, n: number): number => n + 1 - Math.max(1, Math.ceil(q * n))

/** The bin of the entry of a rank from the largest on, and its rank in the bin. @param bins ascending, each followed by its count */
function locate(bins: Float64Array, rank: number): { bin: number; left: number } {
  let i = bins.length - 2
  let left = rank
  for (; bins[i + 1]! < left; i -= 2) left -= bins[i + 1]!
  return { bin: bins[i]!, left }
}

/** The bins that have entries, ascending, each followed by its count. */
function binsOf(counts: Float64Array): Float64Array {
  const bins = new Float64Array(2 * counts.length)
  let at = 0
  for (let bin = 0; bin < counts.length; bin++)
    if (counts[bin]) {
      bins[at++] = bin
      bins[at++] = counts[bin]!
    }
  return bins.subarray(0, at)
}

/** Adds bins, each followed by its count. */
export function addBins(counts: Float64Array, lists: Lists): Float64Array {
  for (const bins of lists) for (let i = 0; i < bins.length; i += 2) counts[bins[i]!]! += bins[i + 1]!
  return counts
}

/**
 * The magnitudes of ranks from the largest on.
 * @param bins each followed by its count; ascending in each list
 * @param fine the magnitudes, as bits, that are not the least of their bin
 */
export function magnitudesAt(ranks: readonly number[], bins: Lists, fine: Lists): number[] {
  const sorted = bins.length === 1 ? bins[0]! : binsOf(addBins(new Float64Array(BINS), bins))
  const places = ranks.map((rank) => locate(sorted, rank))
  const finer = inside(fine, new Set(places.map(({ bin }) => bin)))
  return places.map(({ bin, left }) => floatOf(finer.get(bin)!.at(-left) ?? bin << BIN_SHIFT))
}

/** Those of each of some bins, ascending. */
function inside(lists: Lists, bins: ReadonlySet<number>): Map<number, Float64Array> {
  const found = new Map(Array.from(bins, (bin) => [bin, [] as number[]]))
  // To ask a table is faster than to ask the map: nearly all lie in other bins.
  const isOne = new Uint8Array(BINS)
  for (const bin of bins) isOne[bin] = 1
  for (const list of lists)
    for (let i = 0; i < list.length; i++) {
      const bin = list[i]! >>> BIN_SHIFT
      if (isOne[bin]) found.get(bin)!.push(list[i]!)
    }
  return new Map(Array.from(found, ([bin, values]) => [bin, Float64Array.from(values).sort()]))
}

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(counts: Float64Array, qs: readonly number[]): number[] {
  const bins = binsOf(counts)
  let n = 0
  for (let i = 1; i < bins.length; i += 2) n += bins[i]!
  return qs.map((q) => {
    if (!n) return NaN
    const { bin } = locate(bins, topRank(q, n))
    return bin === 0 ? 0 : floatOf((bin << BIN_SHIFT) | (1 << (BIN_SHIFT - 1)))
  })
}
