// What a pass finds of a pair of values and their differences: sums of each strip, and the differences by the upper 17 of their 32 bits:
// sign, exponent, and 8 bits of fraction. The few that have more bits are listed. The difference of two bf16 numbers seldom has more.
import type { Kernels } from './module.js'
import { floatOf } from './pattern.js'

/** Bins of magnitudes: 8 bits of exponent, 8 of fraction. They order like the numbers. */
export const BINS = 1 << 16
/** Bits below those of a bin. */
export const BIN_SHIFT = 15
/** Listed magnitudes of one block; where there are more, the list is of no use. */
const MOST_LISTED = 1 << 16
/** How far beyond it the list may go. */
const BESIDES = 4
/** Sums of a strip: those of `compare` in assembly/comparison.ts. */
export const SUMS = 7
/** Exponents, each with two moments of its bins. */
const EXPONENTS = 256
const MOMENTS = 2 * EXPONENTS

/** Bytes before the counts of the bins, both signs, before the length of the list, the moments, the bins with their counts, and the noted groups. */
const [COUNTS, LIST] = [64, 64 + 8 * BINS]
const MOMENTS_AT = 8 * Math.ceil((LIST + 4 * (1 + MOST_LISTED + BESIDES)) / 8)
const PACKED = MOMENTS_AT + 8 * MOMENTS
const NOTED = PACKED + 8 * BINS

/** Bytes of the tables for strips of so many entries: with the address of each group of eight, and one more. */
export const comparisonBytes = (strip: number): number => NOTED + 4 * (Math.ceil(strip / 8) + 1)

export function clearComparison(memory: WebAssembly.Memory, address: number): void {
  new Int32Array(memory.buffer, address + COUNTS, 2 * BINS + 1).fill(0)
}

/** What compares entries of a strip: its sums are at the address then. */
export const openComparison =
  ({ compare }: Pick<Kernels, 'compare'>, address: number) =>
  (x: number, y: number, size: number): void =>
    compare(x, y, size, address, address + COUNTS, address + LIST, MOST_LISTED, address + NOTED)

/**
 * The answer for one block: how many sums it has, how many numbers its bins, and how many entries are listed; the sums; moments; bins of
 * magnitudes with entries, each followed by its count; the list.
 */
export function packComparison(
  { memory, kernels }: { memory: WebAssembly.Memory; kernels: Kernels },
  address: number,
  sums: Float64Array,
): Float64Array {
  const filled = kernels.packCounts(address + COUNTS, address + PACKED, address + MOMENTS_AT)
  const moments = new Float64Array(memory.buffer, address + MOMENTS_AT, MOMENTS)
  const bins = new Int32Array(memory.buffer, address + PACKED, 2 * filled)
  const listed = new Int32Array(memory.buffer, address + LIST, 1)[0]!
  const list = new Int32Array(memory.buffer, address + LIST + 4, listed < MOST_LISTED ? listed : 0)
  const answer = new Float64Array(3 + sums.length + MOMENTS + bins.length + list.length)
  let at = 0
  for (const part of [[sums.length, bins.length, listed], sums, moments, bins, list]) {
    answer.set(part, at)
    at += part.length
  }
  return answer
}

/** What the blocks of a pass found together. */
export interface ComparedPair {
  /** Σ x², Σ y², Σ x y, Σ d, Σ d², number of d that are 0, the largest |d|. */
  sums: Float64Array
  /** The bins of |d| with entries, each followed by its count, block after block: ascending in each. */
  bins: readonly Float64Array[]
  /** The magnitudes, as bits, whose lower 15 bits are not all 0, block after block; null where they are many. */
  fine: readonly Float64Array[] | null
}

/** @param answer those of the blocks */
export function readComparison(answer: Float64Array): ComparedPair {
  const sums = new Float64Array(SUMS)
  const moments = new Float64Array(MOMENTS)
  const bins: Float64Array[] = []
  const fine: Float64Array[] = []
  let isComplete = true
  for (let at = 0; at < answer.length; ) {
    const [afterSums, listed] = [at + 3 + answer[at]!, answer[at + 2]!]
    const afterMoments = afterSums + MOMENTS
    const afterBins = afterMoments + answer[at + 1]!
    for (at += 3; at < afterSums; at += SUMS) addStrip(sums, answer, at)
    for (let i = 0; i < MOMENTS; i++) moments[i]! += answer[afterSums + i]!
    bins.push(answer.subarray(afterMoments, afterBins))
    if (listed >= MOST_LISTED) isComplete = false
    at = listed < MOST_LISTED ? afterBins + listed : afterBins
    fine.push(answer.subarray(afterBins, at))
  }
  addBins(sums, moments, bins)
  return { sums, bins, fine: isComplete ? fine : null }
}

function addStrip(sums: Float64Array, answer: Float64Array, at: number): void {
  for (let i = 0; i < SUMS - 1; i++) sums[i]! += answer[at + i]!
  sums[SUMS - 1] = Math.max(sums[SUMS - 1]!, answer[at + SUMS - 1]!)
}

/** Adds to the sums what is in the bins. */
function addBins(sums: Float64Array, moments: Float64Array, bins: readonly Float64Array[]): void {
  for (let exponent = 0; exponent < EXPONENTS; exponent++) {
    const squares = moments[EXPONENTS + exponent]!
    if (squares === 0) continue
    // The last exponent is that of infinity.
    const step = exponent < EXPONENTS - 1 ? 2 ** (Math.max(1, exponent) - 135) : Infinity
    sums[3]! += moments[exponent]! * step
    sums[4]! += squares * step ** 2
  }
  for (const list of bins) {
    if (list[0] === 0) sums[5]! += list[1]!
    sums[6] = Math.max(sums[6]!, floatOf(list.at(-2)! << BIN_SHIFT))
  }
}
