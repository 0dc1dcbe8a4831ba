// What a pass finds of a pair of values and their differences: sums of each strip, and the magnitudes of the differences by the upper 16 of
// their 31 bits; and the few that have more bits. The difference of two bf16 numbers seldom has more.
import type { Kernels } from './module.js'

/** Bins: 8 bits of exponent, 8 of fraction. They order like the numbers. */
export const BINS = 1 << 16
/** Listed magnitudes of one block; where there are more, the list is of no use. */
const MOST_LISTED = 1 << 16
/** How far beyond it the list may go. */
const BESIDES = 1 << 10
/** Sums of a strip: `ComparedPair`. */
export const SUMS = 7

/** Bytes before the counts of the bins, before the length of the list, and before the bins with their counts. */
const [COUNTS, LIST] = [64, 64 + 4 * BINS]
const PACKED = LIST + 4 * (1 + MOST_LISTED + BESIDES)
export const COMPARISON_BYTES = PACKED + 8 * BINS

export function clearComparison(memory: WebAssembly.Memory, address: number): void {
  new Int32Array(memory.buffer, address + COUNTS, BINS + 1).fill(0)
}

/** What compares entries of a strip: its sums are at the address then. */
export const openComparison =
  ({ compare }: Pick<Kernels, 'compare'>, address: number) =>
  (x: number, y: number, size: number): void =>
    compare(x, y, size, address, address + COUNTS, address + LIST, MOST_LISTED)

/**
 * The answer for one block: how many sums it has, how many numbers its bins, and how many entries are listed; the sums; bins with entries,
 * each followed by its count; the list.
 */
export function packComparison(
  { memory, kernels }: { memory: WebAssembly.Memory; kernels: Kernels },
  address: number,
  sums: Float64Array,
): Float64Array {
  const filled = kernels.packCounts(address + COUNTS, BINS, address + PACKED)
  const bins = new Int32Array(memory.buffer, address + PACKED, 2 * filled)
  const listed = new Int32Array(memory.buffer, address + LIST, 1)[0]!
  const list = new Int32Array(memory.buffer, address + LIST + 4, listed > MOST_LISTED ? 0 : listed)
  const answer = new Float64Array(3 + sums.length + bins.length + list.length)
  answer[0] = sums.length
  answer[1] = bins.length
  answer[2] = listed
  answer.set(sums, 3)
  answer.set(bins, 3 + sums.length)
  answer.set(list, 3 + sums.length + bins.length)
  return answer
}

/** What the blocks of a pass found together. */
export interface ComparedPair {
  /** Σ x², Σ y², Σ x y, Σ d, Σ d², number of d that are 0, the largest |d|. */
  sums: Float64Array
  /** The bins with entries, each followed by its count, block after block: ascending in each. */
  bins: readonly Float64Array[]
  /** The magnitudes, as bits, whose lower 15 bits are not all 0, block after block; null where they are many. */
  fine: readonly Float64Array[] | null
}

/** @param answer those of the blocks */
export function readComparison(answer: Float64Array): ComparedPair {
  const sums = new Float64Array(SUMS)
  const bins: Float64Array[] = []
  const fine: Float64Array[] = []
  let isComplete = true
  for (let at = 0; at < answer.length; ) {
    const [afterSums, listed] = [at + 3 + answer[at]!, answer[at + 2]!]
    const afterBins = afterSums + answer[at + 1]!
    for (at += 3; at < afterSums; at += SUMS) addStrip(sums, answer, at)
    bins.push(answer.subarray(afterSums, afterBins))
    if (listed > MOST_LISTED) isComplete = false
    at = listed > MOST_LISTED ? afterBins : afterBins + listed
    fine.push(answer.subarray(afterBins, at))
  }
  return { sums, bins, fine: isComplete ? fine : null }
}

function addStrip(sums: Float64Array, answer: Float64Array, at: number): void {
  for (let i = 0; i < SUMS - 1; i++) sums[i]! += answer[at + i]!
  sums[SUMS - 1] = Math.max(sums[SUMS - 1]!, answer[at + SUMS - 1]!)
}
