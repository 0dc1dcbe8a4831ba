// Integers from 0 on in some order, and the largest of them.

/** Bins of a search: so many bits. */
const BITS = 12

type Digit = Pick<Ranked, 'least' | 'shift'>

// Loops are functions of their own: V8 runs one that is part of another at half speed for long.

function countBins(values: Int32Array, counts: Int32Array, { least, shift }: Digit): void {
  for (let i = 0; i < values.length; i++) counts[(values[i]! - least) >> shift]!++
}

/** The bin of the n-th largest. */
function binOf(counts: Int32Array, n: number): number {
  let bin = counts.length - 1
  for (let above = counts[bin]!; above < n; above += counts[bin]!) bin--
  return bin
}

function countAfter(counts: Int32Array, bin: number): number {
  let sum = 0
  for (let i = bin + 1; i < counts.length; i++) sum += counts[i]!
  return sum
}

/** Puts the values of a bin, of which there are as many as `inside` is long, there. */
function takeBin(values: Int32Array, bin: number, { least, shift }: Digit, inside: Int32Array): void {
  for (let i = 0, to = 0; to < inside.length; i++) if ((values[i]! - least) >> shift === bin) inside[to++] = values[i]!
}

function countOver(values: Int32Array, bound: number, from: number, to: number): number {
  let n = 0
  for (let i = from; i < to; i++) if (values[i]! > bound) n++
  return n
}

/** An integer of a list, how many are above it, and how many equal it. */
export interface RankedValue {
  value: number
  above: number
  equal: number
}

/** A search by a histogram. */
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
    const bin = binOf(counts, rank)
    const above = countAfter(counts, bin)
    if (shift === 0) return { value: least + bin, above, equal: counts[bin]! }
    const inside = new Int32Array(counts[bin]!)
    takeBin(values, bin, this, inside)
    inside.sort()
    const value = inside[inside.length - (rank - above)]!
    const last = inside.lastIndexOf(value)
    return { value, above: above + inside.length - 1 - last, equal: last - inside.indexOf(value) + 1 }
  }

  /** How many are above a value, in each of so many runs of the same length. */
  countAbove(bound: number, runs: number): Float64Array {
    const { values } = this
    const startOf = (run: number) => Math.ceil((run * values.length) / runs)
    return Float64Array.from({ length: runs }, (_, run) => countOver(values, bound, startOf(run), startOf(run + 1)))
  }
}
