// Magnitudes of a block by the upper 16 of their 31 bits, as a pass counts them; and the few that have more bits. The difference of two
// bf16 numbers seldom has more.
import { joined } from './answer.js'

/** Bins: 8 bits of exponent, 8 of fraction. They order like the numbers. */
export const BINS = 1 << 16
/** Listed magnitudes of one block; where there are more, the list is of no use. */
export const MOST_LISTED = 1 << 16
/** How far beyond it the list may go. */
const BESIDES = 1 << 10

/** Bytes of the counts, of the length of the list, and of the list. */
export const HISTOGRAM_BYTES = 4 * (BINS + 1 + MOST_LISTED + BESIDES)
/** Bytes from the counts to the length of the list, which is before it. */
export const LIST_AT = 4 * BINS

export function clearHistogram(memory: WebAssembly.Memory, address: number): void {
  new Int32Array(memory.buffer, address, BINS + 1).fill(0)
}

/** The answer for one block: how many bins have entries, and how many entries are listed; those bins with their counts; the list. */
export function packHistogram(memory: WebAssembly.Memory, address: number): Int32Array {
  const counts = new Int32Array(memory.buffer, address, BINS + 1)
  const listed = counts[BINS]!
  const pairs: number[] = []
  for (let bin = 0; bin < BINS; bin++) if (counts[bin]) pairs.push(bin, counts[bin]!)
  const list = new Int32Array(memory.buffer, address + LIST_AT + 4, listed > MOST_LISTED ? 0 : listed)
  const answer = new Int32Array(2 + pairs.length + list.length)
  answer.set([pairs.length, listed])
  answer.set(pairs, 2)
  answer.set(list, 2 + pairs.length)
  return answer
}

/** What the blocks of a pass found together. */
export interface Histogram {
  /** Bins with entries, each followed by its count; a bin may come again. */
  bins: Int32Array
  /** The magnitudes, as bits, whose lower 15 bits are not all 0; null where they are many. */
  fine: Int32Array | null
}

/** @param answer those of the blocks */
export function readHistogram(answer: Int32Array): Histogram {
  const [bins, lists]: Int32Array[][] = [[], []]
  let isComplete = true
  for (let at = 0; at < answer.length; ) {
    const [size, listed] = [answer[at++]!, answer[at++]!]
    bins!.push(answer.subarray(at, (at += size)))
    if (listed > MOST_LISTED) isComplete = false
    else lists!.push(answer.subarray(at, (at += listed)))
  }
  return { bins: joined(bins!) as Int32Array, fine: isComplete ? (joined(lists!) as Int32Array) : null }
}
