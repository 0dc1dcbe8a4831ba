// Differences from a base that are packed: each takes as many bits as most of its class need, without an entropy coder. That is longer, and
// quicker. docs/delta-format.md describes the bytes.
import { BadRecord, COUNTED_CLASSES, type RecordReader } from './frequencies.js'
import type { LosslessKernels } from './module.js'
import type { EntryFormat } from './piece.js'
import { AT } from './piece-memory.js'

/** First byte of a record. */
export const PACKED = 5
/** Numbers that are counted for a class: of codes that take 0, 1, … 64 bits. */
const LENGTHS = 65
/** Bits that are read at once. */
const MOST = 56
/** Widths of a record, at most: as many as are looked up at once. */
const WIDTHS = 16
/** Where pieces are worked on. */
interface PieceParts {
  memory: WebAssembly.Memory
  kernels: LosslessKernels
}

/** A piece, and the address of its base. */
interface BasedPiece {
  bytes: number
  base: number
}

/** Bits of the codes of neighbouring classes, from the first on. Classes below have those of the first, classes above of the last. */
interface Widths {
  first: number
  bits: readonly number[]
}

const widestOf = (width: number): number => Math.min(8 * width, MOST)

/** Bits of the codes of a class by the width that they have. @param counts of codes that take 0, 1, … bits */
function bitsByWidth(counts: Uint32Array, width: number): Float64Array {
  const bits = new Float64Array(widestOf(width) + 1)
  for (let length = 0; length <= 8 * width; length++)
    for (let n = 0; counts[length] && n < bits.length; n++)
      bits[n]! += counts[length]! * (n + (length > n ? 8 + 8 * Math.ceil((length - n) / 7) : 0))
  return bits
}

/**
 * The widths by which codes take the fewest bits.
 * @param counts [256 classes, 65], one of them above 0, of a part of the entries @param width bytes of an entry
 */
function chooseWidths(counts: Uint32Array, width: number): Widths {
  let [low, high] = [0, counts.length - 1]
  while (!counts[low]) low++
  while (!counts[high]) high--
  ;[low, high] = [Math.floor(low / LENGTHS), Math.floor(high / LENGTHS)]
  // What the classes before each one that is there take together.
  const taken = [new Float64Array(widestOf(width) + 1)]
  for (let each = low; each <= high; each++) {
    const [before, own] = [taken.at(-1)!, bitsByWidth(counts.subarray(each * LENGTHS, (each + 1) * LENGTHS), width)]
    taken.push(own.map((bits, n) => before[n]! + bits))
  }
  const end = taken.length - 1
  const bitsOf = (from: number, to: number, n: number): number => taken[to]![n]! - taken[from]![n]!
  /** The best width that classes share. */
  const share = (from: number, to: number): { n: number; bits: number } => {
    let best = 1
    for (let n = 2; n <= widestOf(width); n++) if (bitsOf(from, to, n) < bitsOf(from, to, best)) best = n
    return { n: best, bits: bitsOf(from, to, best) }
  }
  const alone = Array.from({ length: end }, (_, k) => share(k, k + 1))
  let [found, least]: [Widths | null, number] = [null, Infinity]
  for (let first = 0; first <= Math.max(0, end - WIDTHS); first++) {
    const last = Math.min(first + WIDTHS, end) - 1
    const ends = last > first ? [share(last, end)] : []
    const all = [share(0, first + 1), ...alone.slice(first + 1, last), ...ends]
    const sum = all.reduce((sum, { bits }) => sum + bits, 0)
    if (sum < least) [found, least] = [{ first: low + first, bits: all.map(({ n }) => n) }, sum]
  }
  return found!
}

/** @throws BadRecord */
function readWidths(record: RecordReader, width: number): Widths {
  const [first, count] = [record.byte(), record.byte() + 1]
  if (count > WIDTHS || first + count > COUNTED_CLASSES) throw new BadRecord()
  const bits = Array.from({ length: count }, () => record.byte())
  if (bits.some((each) => each < 1 || each > widestOf(width))) throw new BadRecord()
  return { first, bits }
}

/** Where kernels look widths up: for each class as many ones as it has bits, and these; behind them a table for those that look up 16 at once. */
function placeRows({ memory, kernels }: PieceParts, { first, bits }: Widths): number {
  new Uint8Array(memory.buffer, AT.rows, WIDTHS).set(bits)
  kernels.placeRows(first, bits.length, AT.rows, AT.tables)
  return AT.tables
}

/** The record of a piece, which lies at the bits; longer than the piece where it is no use. */
export function packPiece(
  parts: PieceParts,
  { bytes, base }: BasedPiece,
  { width, isFloat, shift }: EntryFormat,
): Uint8Array {
  const { memory, kernels } = parts
  const size = bytes / width
  const [codes, patches] = [AT.coded, AT.symbols]
  const counts = new Uint32Array(memory.buffer, AT.counts, COUNTED_CLASSES * LENGTHS).fill(0)
  kernels.findCodes(AT.post, base, size, width, isFloat, codes)
  kernels.findClasses(base, size, width, shift, AT.classes)
  kernels.countWidths(codes, AT.classes, size, width, AT.counts)
  const widths = chooseWidths(counts, width)
  const head = [PACKED, widths.first, widths.bits.length - 1, ...widths.bits]
  new Uint8Array(memory.buffer, AT.bits, head.length).set(head)
  const [rows, bits] = [placeRows(parts, widths), AT.bits + head.length]
  const end = kernels.packMoves(codes, AT.classes, size, width, rows, bits, patches, bytes)
  return new Uint8Array(memory.buffer, AT.bits, end - AT.bits)
}

/** The way back. @param record lies at the bits, and is read from where it stands @throws BadRecord */
export function unpackPiece(
  parts: PieceParts,
  record: RecordReader,
  { bytes, base }: BasedPiece,
  { width, isFloat, shift }: EntryFormat,
): void {
  const { kernels } = parts
  const size = bytes / width
  const rows = placeRows(parts, readWidths(record, width))
  const [from, end] = [AT.bits + record.at, AT.bits + record.bytes.length]
  if (!kernels.unpackMoves(from, end, base, size, width, shift, rows, AT.post)) throw new BadRecord()
  kernels.applyCodes(base, size, width, isFloat, AT.post)
}
