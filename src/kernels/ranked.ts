// Integers from 0 on in some order, and the largest of them.

/** Bins of a search: so many bits. */
const BITS = 12

// A loop is a function of its own: V8 runs one that is part of another at half speed for long.
function countBins(values: Int32Array, counts: Int32Array, { least, shift }: { least: number; shift: number }): void {
  for (let i = 0; i < values.length; i++) counts[(values[i]! - least) >> shift]!++
}

/** An integer of a list, how many are above it, and how many equal it. */
export interface RankedValue {
  value: number
  above: number
  equal: number
}

/** A search by histograms, one digit after the other. Loops are plain: lists are long. */
export class Ranked {
  private readonly counts = new Int32Array(1 << BITS)
  readonly shift: number

  /** @param least not above any of the values, and `most` not below any */
  constructor(
    private readonly values: Int32Array,
    readonly least: number,
    most: number,
  ) {
    this.shift = Math.max(0, 32 - Math.clz32(most - least) - BITS)
    countBins(values, this.counts, this)
  }

  get size(): number {
    return this.values.length
  }

  /** The n-th largest, from 1; n is rounded, and the first or the last is meant where there are fewer. */
  nth(n: number): RankedValue {
    const { counts, values, least, shift } = this
    const rank = Math.min(values.length, Math.max(1, Math.round(n)))
    let [bin, left] = [counts.length - 1, rank]
    for (; counts[bin]! < left; bin--) left -= counts[bin]!
    if (shift === 0) return { value: least + bin, above: rank - left, equal: counts[bin]! }
    const inside = new Int32Array(counts[bin]!)
    for (let i = 0, to = 0; to < inside.length; i++) {
      const value = values[i]!
      if ((value - least) >> shift === bin) inside[to++] = value
    }
    const first = least + (bin << shift)
    const found = new Ranked(inside, first, first + (1 << shift) - 1).nth(left)
    return { ...found, above: found.above + rank - left }
  }

  /** How many are above a value, in each of so many runs of the same length. */
  countAbove(bound: number, runs: number): Float64Array {
    const { values } = this
    const above = new Float64Array(runs)
    for (let run = 0, i = 0; run < runs; run++) {
      let n = 0
      for (const end = ((run + 1) * values.length) / runs; i < end; i++) if (values[i]! > bound) n++
      above[run] = n
    }
    return above
  }
}
