// The records of pieces: differences from the bytes of the base, planes of bytes by themselves, or the bytes as they are, whichever is shorter.
// docs/delta-format.md describes them.
import { deflateSync, inflateSync } from 'node:zlib'
import { join, wordBytes } from './bytes.js'
import {
  BadRecord,
  COUNTED_CLASSES,
  chooseTables,
  entropyOf,
  type RecordReader,
  SYMBOLS,
  SYMBOLS_OF,
  type Tables,
  tableOfClass,
  writeFrequencies,
} from './frequencies.js'
import type { LosslessKernels } from './module.js'
import { PACKED, packPiece, unpackPiece } from './packed.js'
import { type EntryFormat, formatOf, type PostPiece } from './piece.js'
import { AT, REGIONS } from './piece-memory.js'

/** First bytes of records. */
const [RAW, PLANES, DIFFERENCE, DEFLATED] = [1, 2, 3, 4]
/** Whether the base is needed to read a record. */
export const needsBase = (record: Uint8Array): boolean =>
  !record.length || record[0] === DIFFERENCE || record[0] === PACKED
/** First bytes of planes. */
const [PLAIN, CODED] = [0, 1]
/** A difference that takes so much of a piece is weighed against the piece by itself, of which so many entries tell enough. */
const DOUBTFUL = 0.6
const SAMPLE = 1 << 13

/** Bytes of what a table is looked up by: to encode, and to decode. */
const [RANGES, PLACES] = [4 * SYMBOLS, 4 * SYMBOLS + 4096]

/** Writes and reads records in the memory of a machine (`AT`). */
export class PieceRecords {
  constructor(
    readonly memory: WebAssembly.Memory,
    readonly kernels: LosslessKernels,
  ) {}

  private view(at: number, bytes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, bytes)
  }

  /** @returns the record of the piece at `post`: by itself, or one that lies at the bits */
  write(
    bytes: number,
    dtype: string | null,
    { base, codec }: { base: number | null; codec: PostPiece['codec'] },
  ): Uint8Array {
    if (codec === 'raw') return this.asItIs(bytes)
    if (base !== null && this.kernels.isEqual(AT.post, base, bytes)) return new Uint8Array()
    const records: Uint8Array[] = []
    if (dtype === null) records.push(this.deflated(bytes))
    else {
      const format = formatOf(dtype)
      if (base !== null)
        records.push(
          codec === 'packed' ? packPiece(this, { bytes, base }, format) : this.difference(bytes, format, base),
        )
      const found = records[0]?.length ?? Infinity
      if (found > DOUBTFUL * bytes && this.isWorthPlanes(found, bytes, format)) records.push(this.planes(bytes, format))
    }
    const best = records.reduce((one, two) => (two.length < one.length ? two : one))
    return best.length <= bytes ? best : this.asItIs(bytes)
  }

  private readonly asItIs = (bytes: number): Uint8Array => join([Uint8Array.of(RAW!), this.view(AT.post, bytes)])

  private readonly deflated = (bytes: number): Uint8Array =>
    join([Uint8Array.of(DEFLATED!), deflateSync(this.view(AT.post, bytes))])

  private difference(bytes: number, { width, isFloat, shift }: EntryFormat, base: number): Uint8Array {
    const size = bytes / width
    const counts = new Uint32Array(this.memory.buffer, AT.counts, COUNTED_CLASSES * SYMBOLS).fill(0)
    this.kernels.subtractBase(AT.post, base, size, width, isFloat, AT.coded)
    const split = this.kernels[`split${(8 * width) as 8}`]
    const end = split(AT.coded, base, size, shift, AT.symbols, AT.classes, AT.counts, AT.bits)
    const tables = chooseTables(counts)
    const coded = this.encode(AT.symbols, size, tables)
    return join([
      Uint8Array.of(DIFFERENCE!, tables.frequencies.length, ...tables.begins),
      ...tables.frequencies.map((each) => Uint8Array.from(writeFrequencies(each))),
      wordBytes(coded.length),
      coded,
      this.view(AT.bits, end - AT.bits),
    ])
  }

  private planes(bytes: number, { width, isFloat }: EntryFormat): Uint8Array {
    const size = bytes / width
    this.kernels.planes(AT.post, size, width, isFloat, AT.symbols)
    const parts = Array.from({ length: width }, (_, j): Uint8Array[] => {
      const at = AT.symbols + j * size
      const tables = chooseTables(this.countsOf(at, size))
      if (tables.bits >= 8 * size) return [Uint8Array.of(PLAIN!), this.view(at, size).slice()]
      const coded = this.encode(at, size, tables)
      const head = Uint8Array.from(writeFrequencies(tables.frequencies[0]!))
      return [Uint8Array.of(CODED!), head, wordBytes(coded.length), coded]
    })
    return join([Uint8Array.of(PLANES!), ...parts.flat()])
  }

  private countsOf(symbols: number, size: number): Uint32Array {
    const counts = new Uint32Array(this.memory.buffer, AT.counts, SYMBOLS).fill(0)
    this.kernels.countSymbols(symbols, size, AT.counts)
    return counts
  }

  /** Whether planes could be shorter than that. */
  private isWorthPlanes(found: number, bytes: number, { width, isFloat }: EntryFormat): boolean {
    const size = Math.min(SAMPLE, bytes / width)
    this.kernels.planes(AT.post, size, width, isFloat, AT.symbols)
    let bits = 0
    for (let j = 0; j < width; j++) bits += entropyOf(this.countsOf(AT.symbols + j * size, size))
    return (bits / 8 / size) * (bytes / width) < found * 1.02
  }

  /** @returns a copy */
  private encode(symbols: number, size: number, tables: Tables): Uint8Array {
    this.fill(tables, RANGES, (row) => this.kernels.fillRanges(AT.frequencies, row))
    const end = AT.coded + REGIONS.coded
    const at = this.kernels.encodeSymbols(symbols, AT.classes, size, AT.rows, end)
    return this.view(at, end - at).slice()
  }

  /** Fills the tables of what is looked up, and for each class the address of its own. @param bytes of a table */
  private fill(tables: Tables, bytes: number, make: (row: number) => void): void {
    for (const [i, each] of tables.frequencies.entries()) {
      new Uint16Array(this.memory.buffer, AT.frequencies, SYMBOLS).set(each)
      make(AT.tables + i * bytes)
    }
    new Uint32Array(this.memory.buffer, AT.rows, COUNTED_CLASSES).set(
      tableOfClass(tables).map((table) => AT.tables + table * bytes),
    )
  }

  /** Reads the record that lies at `bits`, to `post`. @throws BadRecord */
  read(record: RecordReader, piece: { dtype: string | null; bytes: number; base: number | null }): void {
    const { dtype, bytes, base } = piece
    const kind = record.byte()
    const rest = record.bytes.subarray(1)
    if (kind === RAW) this.copy(rest, bytes)
    else if (kind === DEFLATED && dtype === null) this.copy(inflate(rest, bytes), bytes)
    else if (kind === PLANES && dtype !== null) this.readPlanes(record, bytes, formatOf(dtype))
    else if (kind === DIFFERENCE && dtype !== null && base !== null)
      this.readDifference(record, { bytes, base }, formatOf(dtype))
    else if (kind === PACKED && dtype !== null && base !== null)
      unpackPiece(this, record, { bytes, base }, formatOf(dtype))
    else throw new BadRecord()
  }

  private copy(from: Uint8Array, bytes: number): void {
    if (from.length !== bytes) throw new BadRecord()
    this.view(AT.post, bytes).set(from)
  }

  private readDifference(
    record: RecordReader,
    { bytes, base }: { bytes: number; base: number },
    { width, isFloat, shift }: EntryFormat,
  ): void {
    const size = bytes / width
    const tables = record.tables()
    if (tables.frequencies.some((table) => table.subarray(SYMBOLS_OF[width]).some(Boolean))) throw new BadRecord()
    const [from, end] = this.coded(record, tables)
    if (!this.kernels.decodeSymbols(from, end, base, size, width, shift, AT.rows, AT.symbols)) throw new BadRecord()
    const join = this.kernels[`join${(8 * width) as 8}`]
    if (join(AT.symbols, AT.bits + record.at, size, AT.post, AT.counts) !== AT.bits + record.bytes.length)
      throw new BadRecord()
    this.kernels.addBase(base, size, width, isFloat, AT.post)
  }

  private readPlanes(record: RecordReader, bytes: number, { width, isFloat }: EntryFormat): void {
    const size = bytes / width
    for (let j = 0; j < width; j++) {
      const at = AT.symbols + j * size
      const kind = record.byte()
      if (kind === CODED) this.decode(record, record.frequencies(), at, size)
      else if (kind !== PLAIN || record.bytes.length - record.at < size) throw new BadRecord()
      else {
        this.view(at, size).set(record.bytes.subarray(record.at, record.at + size))
        record.at += size
      }
    }
    if (record.at !== record.bytes.length) throw new BadRecord()
    this.kernels.entries(AT.symbols, size, width, isFloat, AT.post)
  }

  /** Where coded symbols of the record begin and end, which lies at `bits`; their tables are filled. */
  private coded(record: RecordReader, tables: Tables): [begin: number, end: number] {
    const length = record.word()
    const begin = record.at
    if (length > record.bytes.length - begin) throw new BadRecord()
    record.at += length
    this.fill(tables, PLACES, (row) => this.kernels.fillPlaces(AT.frequencies, row))
    return [AT.bits + begin, AT.bits + begin + length]
  }

  private decode(record: RecordReader, table: Uint16Array, symbols: number, size: number): void {
    const [from, end] = this.coded(record, { begins: [], frequencies: [table] })
    if (!this.kernels.decodeSymbols(from, end, symbols, size, 1, 63, AT.rows, symbols)) throw new BadRecord()
  }
}

function inflate(bytes: Uint8Array, most: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: Math.max(1, most) })
  } catch {
    throw new BadRecord()
  }
}
