// Pieces of files that are stored as records: their formats, their lengths, and what is asked of a machine.
import type { FileBytes } from './pass.js'

/** Most bytes of a piece. */
export const PIECE_BYTES = 1 << 21

/** How the entries of a format are compared. */
export interface EntryFormat {
  width: 1 | 2 | 4 | 8
  isFloat: boolean
  /** From a pattern without its sign to the class of the entry: the exponent of a float, 0 for an integer. */
  shift: number
}

const entryFormat = (width: EntryFormat['width'], shift: number | null): EntryFormat => ({
  width,
  isFloat: shift !== null,
  shift: shift ?? 63,
})

const INTEGERS = { 8: ['I8', 'U8', 'BOOL', 'F8_E8M0'], 16: ['I16', 'U16'], 32: ['I32', 'U32'], 64: ['I64', 'U64'] }

const FORMATS: ReadonlyMap<string, EntryFormat> = new Map([
  ['F64', entryFormat(8, 52)],
  ['F32', entryFormat(4, 23)],
  ['C64', entryFormat(4, 23)],
  ['BF16', entryFormat(2, 7)],
  ['F16', entryFormat(2, 10)],
  ...['F8_E4M3', 'F8_E4M3FNUZ'].map((name) => [name, entryFormat(1, 3)] as const),
  ...['F8_E5M2', 'F8_E5M2FNUZ'].map((name) => [name, entryFormat(1, 2)] as const),
  ...Object.entries(INTEGERS).flatMap(([bits, names]) =>
    names.map((name) => [name, entryFormat((Number(bits) / 8) as EntryFormat['width'], null)] as const),
  ),
])

/** Formats whose entries are compared with those of each other, which are rounded to them first. */
const CAST = ['F32', 'F16', 'BF16']

/** Null for formats whose entries are no whole bytes: they are bytes. */
export const formatOf = (dtype: string): EntryFormat => FORMATS.get(dtype) ?? entryFormat(1, null)

/** Whether a tensor of one format can be stored as its difference from one of another. */
export const isComparable = (base: string, post: string): boolean =>
  base === post || (CAST.includes(base) && CAST.includes(post))

/** Bytes of the base that belong to so many bytes of a tensor. */
export const baseBytes = (bytes: number, base: string, post: string): number =>
  (bytes / formatOf(post).width) * formatOf(base).width

/** Whole entries of a format in a piece. */
export const pieceBytes = (dtype: string): number => PIECE_BYTES - (PIECE_BYTES % formatOf(dtype).width)

/** A piece of a file, and the same entries of the base: both no longer than a piece may be. */
interface Piece {
  /** As safetensors names it; null for bytes that are no tensor. */
  dtype: string | null
  bytes: number
  base: BasePiece | null
}

/** Entries of the base: where they lie, or themselves, where they do not lie in one piece. */
export type BasePiece = (FileBytes | { given: Uint8Array }) & { dtype: string }

/** A piece to be stored. */
export type PostPiece = Piece & {
  post: FileBytes | { given: Uint8Array }
  /** By which it is stored; by default the one that makes the least of it. */
  codec?: 'raw' | 'packed' | undefined
}

/** What a piece is stored as. Checksums are those of the bytes by themselves. */
export interface StoredPiece {
  /** Empty where the bytes are those of the base. */
  record: Uint8Array
  sum: string
  /** Of the piece, and of the bytes of the base. */
  resultSum: string
  baseSum: string
}

/** A piece to be written. */
export interface RestoredPiece extends Piece {
  record: FileBytes
  sums: Omit<StoredPiece, 'record'>
  /** Where it goes. */
  to: readonly { file: string; begin: number }[]
}

/** What is wrong with a piece: the stored record, or the base; null for nothing. */
export type PieceFault = 'record' | 'base' | null

export interface PieceMachine {
  compress(piece: PostPiece): StoredPiece
  restore(piece: RestoredPiece): PieceFault
}
