// Tables of the entropy coder: classes of entries that share one, how often each symbol is taken to occur, and the bytes that say so.

/** Classes of entries, and symbols. */
export const COUNTED_CLASSES = 256
export const SYMBOLS = 256
/** Symbols of a difference, by the bytes of an entry. */
export const SYMBOLS_OF = { 1: 82, 2: 210, 4: 242, 8: 254 } as const
/** Sum of the frequencies of a table. */
const SUM = 1 << 12
/** A record has at most so many tables: what is looked up stays in the cache. */
export const MOST_TABLES = 16
/** Bits that a symbol of a table takes in a record, about, and a table by itself. */
const SYMBOL_BITS = 9
const TABLE_BITS = 16

/** Neighbouring classes with one table. */
interface ClassGroup {
  /** The first class. */
  first: number
  counts: Float64Array
  /** Bits of the symbols and of the table. */
  bits: number
}

/** Bits that so many symbols take at least, by their entropy. */
export function entropyOf(counts: Iterable<number>): number {
  let [sum, logs] = [0, 0]
  for (const count of counts)
    if (count) {
      sum += count
      logs += count * Math.log2(count)
    }
  return sum && sum * Math.log2(sum) - logs
}

const bitsOf = (counts: Float64Array): number =>
  entropyOf(counts) + SYMBOL_BITS * counts.reduce((different, count) => different + Number(count > 0), 0) + TABLE_BITS

function merge(one: ClassGroup, two: ClassGroup): ClassGroup {
  const counts = one.counts.map((count, s) => count + two.counts[s]!)
  return { first: one.first, counts, bits: bitsOf(counts) }
}

/** What a record says of its symbols. */
export interface Tables {
  /** The first class of each table but the first one. */
  begins: number[]
  /** Frequencies of the symbols, with the sum 4096. */
  frequencies: Uint16Array[]
}

/**
 * Neighbouring classes share a table where that takes fewer bits.
 * @param counts [classes, 256 symbols], at least one of them above 0
 * @returns the tables, and the bits that they and the symbols will take, about
 */
export function chooseTables(counts: Uint32Array): Tables & { bits: number } {
  const groups: ClassGroup[] = []
  let seen = -1
  for (let i = 0; i < counts.length; i++) {
    const first = i >> 8
    if (!counts[i] || first === seen) continue
    seen = first
    const own = new Float64Array(counts.subarray(first * SYMBOLS, (first + 1) * SYMBOLS))
    groups.push({ first, counts: own, bits: bitsOf(own) })
  }
  const merged = groups.slice(1).map((group, i) => merge(groups[i]!, group))
  const gain = (i: number): number => groups[i]!.bits + groups[i + 1]!.bits - merged[i]!.bits
  while (merged.length) {
    let best = 0
    for (let i = 1; i < merged.length; i++) if (gain(i) > gain(best)) best = i
    if (gain(best) <= 0 && groups.length <= MOST_TABLES) break
    groups.splice(best, 2, merged[best]!)
    merged.splice(best, 1)
    if (best > 0) merged[best - 1] = merge(groups[best - 1]!, groups[best]!)
    if (best < merged.length) merged[best] = merge(groups[best]!, groups[best + 1]!)
  }
  return {
    begins: groups.slice(1).map(({ first }) => first),
    frequencies: groups.map((group) => frequenciesOf(group.counts)),
    bits: groups.reduce((sum, { bits }) => sum + bits, 0),
  }
}

/** Counts → frequencies: at least 1 for what occurs. What is over or missing goes, one each, where the length changes least by it. */
export function frequenciesOf(counts: Float64Array): Uint16Array {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const frequencies = Uint16Array.from(counts, (count) => count && Math.max(1, Math.round((count * SUM) / total)))
  let left = SUM - frequencies.reduce((sum, frequency) => sum + frequency, 0)
  while (left) {
    const step = Math.sign(left)
    const price = (s: number): number => (-step * counts[s]!) / frequencies[s]!
    const able = [...frequencies.keys()].filter((s) => frequencies[s]! && frequencies[s]! + step >= 1)
    for (const s of able.sort((one, two) => price(one) - price(two)).slice(0, Math.abs(left))) {
      frequencies[s]! += step
      left -= step
    }
  }
  return frequencies
}

/** Of each symbol one byte below 128, or two (the first 128 more than the upper bits); after a 0 how many more of them there are. */
export function writeFrequencies(frequencies: Uint16Array): number[] {
  const bytes: number[] = []
  for (let s = 0; s < SYMBOLS; ) {
    const frequency = frequencies[s++]!
    if (frequency >= 128) bytes.push(128 + (frequency >> 8), frequency & 255)
    else bytes.push(frequency)
    if (frequency) continue
    const begin = s
    while (s < SYMBOLS && !frequencies[s]) s++
    bytes.push(s - begin)
  }
  return bytes
}

/** What cannot be a record. */
export class BadRecord extends Error {}

/** Reads bytes in turn. @throws BadRecord where there are no more */
export class RecordReader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  byte(): number {
    if (this.at >= this.bytes.length) throw new BadRecord()
    return this.bytes[this.at++]!
  }

  word(): number {
    let word = 0
    for (let i = 0; i < 4; i++) word += this.byte() * 256 ** i
    return word
  }

  frequencies(): Uint16Array {
    const frequencies = new Uint16Array(SYMBOLS)
    let sum = 0
    for (let s = 0; s < SYMBOLS; ) {
      const first = this.byte()
      const frequency = first < 128 ? first : (first - 128) * 256 + this.byte()
      frequencies[s++] = frequency
      sum += frequency
      if (!frequency) s += this.byte()
      if (s > SYMBOLS) throw new BadRecord()
    }
    if (sum !== SUM) throw new BadRecord()
    return frequencies
  }

  tables(): Tables {
    const count = this.byte()
    if (count < 1 || count > MOST_TABLES) throw new BadRecord()
    const begins = Array.from({ length: count - 1 }, () => this.byte())
    if (begins.some((begin, i) => begin <= (begins[i - 1] ?? 0))) throw new BadRecord()
    return { begins, frequencies: Array.from({ length: count }, () => this.frequencies()) }
  }
}

/** The number of its table for each class. */
export function tableOfClass({ begins }: Pick<Tables, 'begins'>): number[] {
  return Array.from({ length: COUNTED_CLASSES }, (_, each) => begins.filter((begin) => begin <= each).length)
}
