// Finds the k entries of largest magnitude among values that come in parts, because they do not fit in memory. The result is exact. It
// takes two passes of histograms, and a third when ties have to be broken.
import { floatOf } from '../kernels/index.js'
import type { Largest } from './select.js'

export interface PartwiseSelection {
  /** The result; null until the passes are done. */
  result: Largest | null
  /** After two passes: the cut for the entries added so far. Later parts cannot change it. */
  soFar(): Largest
  /** How many values lie exactly at the threshold; known with the result. */
  ties: number
  /** The next part of the values; every pass gives the same parts in the same order. */
  add(values: Float32Array): void
  /** Ends a pass over all parts. */
  endPass(): void
}

const LOW = 1 << 16

/**
 * Finds the k-th largest magnitude, ties by lowest index, as `largest` does for one array. Bits of non-negative float32 numbers order
 * like integers. The first pass counts the upper 15 bits, the second the lower 16 bits of the values that share the upper ones, and the
 * third walks to the last tie that is kept.
 * @param keptOf k for the number of values, which the first pass counts
 */
export function selectLargest(keptOf: (size: number) => number): PartwiseSelection {
  let [pass, size, high, wanted, seen, bits] = [0, 0, 0, 0, 0, 0]
  let counts = new Float64Array(1 << 15)

  /** The bin that holds the wanted one, counted from the top; `wanted` becomes its place in the bin. */
  const descend = (): number => {
    let bin = counts.length - 1
    for (; counts[bin]! < wanted; bin--) wanted -= counts[bin]!
    return bin
  }
  const selection: PartwiseSelection = {
    result: null,
    ties: 0,
    soFar: () => selection.result ?? { threshold: floatOf(bits), lastTie: seen - 1 },
    add(values) {
      if (selection.result) return
      const words = new Int32Array(values.buffer, values.byteOffset, values.length)
      if (pass === 0) {
        size += words.length
        for (let i = 0; i < words.length; i++) counts[(words[i]! & 0x7fffffff) >>> 16]!++
      } else if (pass === 1) {
        for (let i = 0; i < words.length; i++)
          if ((words[i]! & 0x7fffffff) >>> 16 === high) counts[words[i]! & 0xffff]!++
      } else {
        for (let i = 0; i < words.length && wanted > 0; i++) {
          if ((words[i]! & 0x7fffffff) === bits && --wanted === 0)
            selection.result = { threshold: floatOf(bits), lastTie: seen + i }
        }
        seen += words.length
      }
    },
    endPass() {
      if (selection.result) return
      if (pass === 0) {
        wanted = keptOf(size)
        if (!(wanted >= 0 && wanted <= size)) throw new Error(`cannot keep ${wanted} of ${size} entries`)
        if (wanted === 0) selection.result = { threshold: Infinity, lastTie: -1 }
        else high = descend()
        counts = new Float64Array(LOW)
      } else if (pass === 1) {
        const low = descend()
        bits = high * LOW + low
        selection.ties = counts[low]!
        if (counts[low] === wanted) selection.result = { threshold: floatOf(bits), lastTie: size - 1 }
      }
      pass++
    },
  }
  return selection
}
