// Differences from a base that are packed: each takes as many bits as most of its class need, without an entropy coder. That is longer, and
// quicker. docs/delta-format.md describes the bytes.
import { BadRecord, COUNTED_CLASSES, type RecordReader } from './frequencies.js'
import type { LosslessKernels } from './module.js'
import type { EntryFormat } from './piece.js'
import { AT } from './piece-memory.js'

/** Numbers that are counted for a class: of differences that take 0, 1, … 64 bits. */
const LENGTHS = 65
/** Bits that are read at once. */
const MOST = 56

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

/** Bits of the differences of neighbouring classes, from the first on. Classes below have those of the first, classes above of the last. */
interface Widths {
  first: number
  bits: readonly number[]
}

const widestOf = (width: number): number => Math.min(8 * width, MOST)

/**
 * For each class the width by which its differences take the fewest bits: one that needs more takes the width and all of its bytes.
 * @param counts [classes, 65], of a part of the entries @param width bytes of an entry
 */
function chooseWidths(counts: Uint32Array, width: number): Widths {
  const bits: number[] = []
  let first = 0
  for (let each = 0; each < COUNTED_CLASSES; each++) {
    const own = counts.subarray(each * LENGTHS, (each + 1) * LENGTHS)
    const total = own.reduce((sum, count) => sum + count, 0)
    if (!total) continue
    if (!bits.length) first = each
    while (first + bits.length < each) bits.push(bits.at(-1)!)
    let [best, least, wider] = [0, Infinity, total - own[0]!]
    for (let n = 1; n <= widestOf(width); n++) {
      wider -= own[n]!
      const sum = n * total + 8 * width * wider
      if (sum < least) [best, least] = [n, sum]
    }
    bits.push(best)
  }
  return { first, bits }
}

/** @throws BadRecord */
function readWidths(record: RecordReader, width: number): Widths {
  const [first, count] = [record.byte(), record.byte() + 1]
  const bits = Array.from({ length: count }, () => record.byte())
  if (first + count > COUNTED_CLASSES || bits.some((each) => each < 1 || each > widestOf(width))) throw new BadRecord()
  return { first, bits }
}

/** For each class as many ones as it has bits, and these, where the kernels look them up. */
function place(memory: WebAssembly.Memory, { first, bits }: Widths): number {
  const rows = new BigUint64Array(memory.buffer, AT.tables, 2 * COUNTED_CLASSES)
  for (let each = 0; each < COUNTED_CLASSES; each++) {
    const width = BigInt(bits[Math.min(Math.max(0, each - first), bits.length - 1)]!)
    rows.set([(1n << width) - 1n, width], 2 * each)
  }
  return AT.tables
}

/** What a record has behind its first byte; more bytes than the piece where it is no use. */
export function packPiece(
  { memory, kernels }: PieceParts,
  { bytes, base }: BasedPiece,
  { width, isFloat, shift }: EntryFormat,
): Uint8Array[] {
  const size = bytes / width
  kernels.subtractBase(AT.post, base, size, width, isFloat, AT.coded)
  const counts = new Uint32Array(memory.buffer, AT.counts, COUNTED_CLASSES * LENGTHS).fill(0)
  kernels.findClasses(base, size, width, shift, AT.classes)
  kernels.countWidths(AT.coded, AT.classes, size, width, AT.counts)
  const widths = chooseWidths(counts, width)
  const end = kernels.packDifferences(AT.coded, AT.classes, size, width, place(memory, widths), AT.bits, bytes)
  const { first, bits } = widths
  return [Uint8Array.of(first, bits.length - 1, ...bits), new Uint8Array(memory.buffer, AT.bits, end - AT.bits)]
}

/** The way back. @param record lies at the bits, and is read from where it stands @throws BadRecord */
export function unpackPiece(
  { memory, kernels }: PieceParts,
  record: RecordReader,
  { bytes, base }: BasedPiece,
  { width, isFloat, shift }: EntryFormat,
): void {
  const size = bytes / width
  const rows = place(memory, readWidths(record, width))
  kernels.findClasses(base, size, width, shift, AT.classes)
  const end = kernels.unpackDifferences(AT.bits + record.at, AT.classes, size, width, rows, AT.post)
  if (end !== AT.bits + record.bytes.length) throw new BadRecord()
  kernels.addBase(base, size, width, isFloat, AT.post)
}
