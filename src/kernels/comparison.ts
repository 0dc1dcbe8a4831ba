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

/** What compares entries of a strip, float32 or as BF16 is stored: its sums are at the address then. */
export const openComparison =
  (compare: Kernels['compare'], address: number) =>
  (x: number, y: number, size: number): void =>
    compare(x, y, size, address, address + COUNTS, address + LIST, MOST_LISTED, address + NOTED)

/** Numbers at the head of the answer for one block: how many sums it has, how many bins, and how many entries are listed. */
const HEAD = 4

/**
 * The answer for one block: its head; the sums and moments, as float64; bins of magnitudes with entries, each followed by its count; the
 * list, where it is complete. It takes an even number of words, so that float64 lie well in the next block.
 */
export function packComparison(
  { memory, kernels }: { memory: WebAssembly.Memory; kernels: Kernels },
  address: number,
  sums: Float64Array,
): Int32Array {
  const filled = kernels.packCounts(address + COUNTS, address + PACKED, address + MOMENTS_AT)
  const listed = new Int32Array(memory.buffer, address + LIST, 1)[0]!
  const listLength = listed < MOST_LISTED ? listed : 0
  const [moments, bins] = [HEAD + 2 * sums.length, HEAD + 2 * (sums.length + MOMENTS)]
  const answer = new Int32Array(2 * Math.ceil((bins + 2 * filled + listLength) / 2))
  answer.set([sums.length, filled, listed])
  answer.set(new Int32Array(sums.buffer, sums.byteOffset, 2 * sums.length), HEAD)
  answer.set(new Int32Array(memory.buffer, address + MOMENTS_AT, 2 * MOMENTS), moments)
  answer.set(new Int32Array(memory.buffer, address + PACKED, 2 * filled), bins)
  answer.set(new Int32Array(memory.buffer, address + LIST + 4, listLength), bins + 2 * filled)
  return answer
}

/** What the blocks of a pass found together. */
export interface ComparedPair {
  /** Σ x², Σ y², Σ x y, Σ d, Σ d², number of d that are 0, the largest |d|. */
  sums: Float64Array
  /** The bins of |d| with entries, each followed by its count, block after block: ascending in each. */
  bins: readonly Int32Array[]
  /** The magnitudes, as bits, whose lower 15 bits are not all 0, block after block; null where they are many. */
  fine: readonly Int32Array[] | null
}

/** @param answer those of the blocks */
export function readComparison(answer: Int32Array): ComparedPair {
  const sums = new Float64Array(SUMS)
  const moments = new Float64Array(MOMENTS)
  const bins: Int32Array[] = []
  const fine: Int32Array[] = []
  let isComplete = true
  for (let at = 0; at < answer.length; ) {
    const [count, filled, listed] = answer.subarray(at, at + HEAD) as unknown as [number, number, number]
    const doubles = new Float64Array(answer.buffer, answer.byteOffset + 4 * (at + HEAD), count + MOMENTS)
    for (let i = 0; i < count; i += SUMS) addStrip(sums, doubles, i)
    for (let i = 0; i < MOMENTS; i++) moments[i]! += doubles[count + i]!
    at += HEAD + 2 * doubles.length
    bins.push(answer.subarray(at, (at += 2 * filled)))
    if (listed < MOST_LISTED) fine.push(answer.subarray(at, (at += listed)))
    else isComplete = false
    at += at % 2
  }
  addBins(sums, moments, bins)
  return { sums, bins, fine: isComplete ? fine : null }
}

function addStrip(sums: Float64Array, strips: Float64Array, at: number): void {
  for (let i = 0; i < SUMS - 1; i++) sums[i]! += strips[at + i]!
  sums[SUMS - 1] = Math.max(sums[SUMS - 1]!, strips[at + SUMS - 1]!)
}

/** Adds to the sums what is in the bins. */
function addBins(sums: Float64Array, moments: Float64Array, bins: readonly Int32Array[]): void {
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
