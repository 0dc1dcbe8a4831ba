// Quantiles of magnitudes from a histogram of the upper 16 of their 31 bits, which order like the numbers themselves.
import { BIN_SHIFT, BINS, floatOf } from '../kernels/index.js'

/** Lists of the blocks of a tensor, of one kind of array: loops over them are hot. */
export type Lists = readonly Int32Array[]

/** The ⌈q·n⌉-th smallest of n is the one of this rank from the largest on, which is 1. */
export const topRank = (q: number, n: number): number => n + 1 - Math.max(1, Math.ceil(q * n))

/** Counts of the bins of many blocks, or tensors. Nearly all bins lie in a short range, and only there memory is touched. */
export class Histogram {
  private readonly counts = new Float64Array(BINS)
  private low = BINS
  private high = -1

  /** Adds bins, each followed by its count; ascending in each list. */
  add(lists: Lists): this {
    for (const bins of lists) {
      if (!bins.length) continue
      this.widen(bins[0]!, bins[bins.length - 2]!)
      for (let i = 0; i < bins.length; i += 2) this.counts[bins[i]!]! += bins[i + 1]!
    }
    return this
  }

  addAll(other: Histogram): this {
    this.widen(other.low, other.high)
    for (let bin = other.low; bin <= other.high; bin++) this.counts[bin]! += other.counts[bin]!
    return this
  }

  /** The bins that have entries, ascending, each followed by its count. */
  bins(): Float64Array {
    const { counts, low, high } = this
    const bins = new Float64Array(2 * Math.max(0, high + 1 - low))
    let at = 0
    for (let bin = low; bin <= high; bin++)
      if (counts[bin]) {
        bins[at++] = bin
        bins[at++] = counts[bin]!
      }
    return bins.subarray(0, at)
  }

  private widen(low: number, high: number): void {
    this.low = Math.min(this.low, low)
    this.high = Math.max(this.high, high)
  }
}

/** The bin of the entry of a rank from the largest on, and its rank in the bin. @param bins ascending, each followed by its count */
function locate(bins: Int32Array | Float64Array, rank: number): { bin: number; left: number } {
  let i = bins.length - 2
  let left = rank
  for (; bins[i + 1]! < left; i -= 2) left -= bins[i + 1]!
  return { bin: bins[i]!, left }
}

/**
 * The magnitudes of ranks from the largest on.
 * @param bins each followed by its count; ascending in each list
 * @param fine the magnitudes, as bits, that are not the least of their bin
 */
export function magnitudesAt(ranks: readonly number[], bins: Lists, fine: Lists): number[] {
  const sorted = bins.length === 1 ? bins[0]! : new Histogram().add(bins).bins()
  const places = ranks.map((rank) => locate(sorted, rank))
  const finer = inside(fine, new Set(places.map(({ bin }) => bin)))
  return places.map(({ bin, left }) => floatOf(finer.get(bin)!.at(-left) ?? bin << BIN_SHIFT))
}

/** To ask a table is faster than to ask a map: nearly all magnitudes lie in other bins. It is made once, as fresh memory takes long. */
const isWanted = new Uint8Array(BINS)

/** Those of each of some bins, ascending. */
function inside(lists: Lists, bins: ReadonlySet<number>): Map<number, Int32Array> {
  const found = new Map(Array.from(bins, (bin) => [bin, [] as number[]]))
  for (const bin of bins) isWanted[bin] = 1
  for (const list of lists)
    for (let i = 0; i < list.length; i++) {
      const bin = list[i]! >>> BIN_SHIFT
      if (isWanted[bin]) found.get(bin)!.push(list[i]!)
    }
  for (const bin of bins) isWanted[bin] = 0
  return new Map(Array.from(found, ([bin, values]) => [bin, Int32Array.from(values).sort()]))
}

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(histogram: Histogram, qs: readonly number[]): number[] {
  const bins = histogram.bins()
  let n = 0
  for (let i = 1; i < bins.length; i += 2) n += bins[i]!
  return qs.map((q) => {
    if (!n) return NaN
    const { bin } = locate(bins, topRank(q, n))
    return bin === 0 ? 0 : floatOf((bin << BIN_SHIFT) | (1 << (BIN_SHIFT - 1)))
  })
}
