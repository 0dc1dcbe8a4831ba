// Deltas of pieces of tensors in fewer bits than they have: what each form writes. docs/delta-format.md describes the bytes.
import { type Bands, bandHeadBytes, bandRowsBytes, encodeBandHead, encodeBandRows, type Triplets } from './bands.js'
import { join } from './bytes.js'
import { encodeGrids, type Grids, gridsBytes } from './grids.js'
import { encodeSparse, type SparseContent, type SparseForm } from './sparse.js'
import { encodeValues, VALUE_BYTES, type ValueFormat } from './values.js'

/** How the delta of a tensor is stored. */
export type LossyForm =
  /** A value for each entry. */
  | { form: 'dense'; values: ValueFormat }
  /** A bit for each entry, and values where it is 1; positions and values; values of the entries that a drawn mask keeps. `weight`: they are weights as they are written. */
  | SparseForm
  /** A bit for each entry, and the magnitude of all entries of a matrix. */
  | { form: 'sign' }
  /** Codes of few bits, in groups of rows. */
  | ({ form: 'bits' } & Grids)
  /** Products of singular vectors, in bands of few bits. */
  | ({ form: 'bands' } & Bands)
  /** Directions that are drawn again, of which so many scalars are stored, or were for a tensor before. */
  | { form: 'seeds'; seed: number; tensor: string; scalars: number; shared: boolean }

/** What a form knows of a piece of a tensor. */
export interface LossyPlace {
  /** Number of its first entry in the tensor, and its entries. */
  from: number
  size: number
  /** Entries of a row, and of a matrix; a tensor that is no batch of matrices is one. */
  columns: number
  matrix: number
  /** Entries of the tensor. */
  all: number
  /** Format of the weights. */
  dtype: ValueFormat
}

/** What is stored of a piece. */
export interface LossyContent extends SparseContent {
  /** Of `sign`: the magnitude of each matrix. */
  scales: Float32Array | null
  /** The record, where it is made already. */
  given: Uint8Array | null
}

/** Whether the values are weights. */
export const holdsWeights = (form: LossyForm): boolean => 'values' in form && form.values === 'weight'

/** Matrices that a piece has a part of. */
export const matricesIn = ({ from, size, matrix }: LossyPlace): { first: number; count: number } => {
  const first = Math.floor(from / matrix)
  return { first, count: Math.floor((from + size - 1) / matrix) - first + 1 }
}

/** Rows of a piece that are of the same matrix: the matrix, and their number. */
export function rowsIn({ from, size, columns, matrix }: LossyPlace): { matrix: number; rows: number }[] {
  const runs: { matrix: number; rows: number }[] = []
  for (let at = from; at < from + size; ) {
    const number = Math.floor(at / matrix)
    const end = Math.min(from + size, (number + 1) * matrix)
    runs.push({ matrix: number, rows: (end - at) / columns })
    at = end
  }
  return runs
}

/** Bytes at the head of the first record of a tensor, which the others are read with, too. */
export function lossyHeadBytes(form: LossyForm, { columns, matrix, all }: LossyPlace): number {
  if (form.form === 'seeds') return 4 * form.scalars
  return form.form === 'bands' ? (all / matrix) * bandHeadBytes(form, columns) : 0
}

/** Bytes of a record without what is mended; null where that depends on the values. */
export function lossyBytes(form: LossyForm, place: LossyPlace): number | null {
  const { size } = place
  if (form.form === 'dense') return size * VALUE_BYTES[form.values]
  if (form.form === 'sign') return 4 * matricesIn(place).count + Math.ceil(size / 8)
  if (form.form === 'bits') return gridsBytes(form, size / place.columns)
  if (form.form === 'seeds') return place.from === 0 && !form.shared ? lossyHeadBytes(form, place) : 0
  if (form.form === 'bands')
    return rowsIn(place).reduce(
      (sum, { rows }) => sum + bandRowsBytes(form, rows),
      place.from === 0 ? lossyHeadBytes(form, place) : 0,
    )
  return null
}

/** Most bytes of a record: what a reader believes. */
export function mostLossyBytes(form: LossyForm, place: LossyPlace): number {
  return (lossyBytes(form, place) ?? 4 + 7 * place.size) + 8 * place.size
}

/** The record of a piece. */
export function encodeLossy(form: LossyForm, place: LossyPlace, content: LossyContent): Uint8Array {
  if (content.given) return content.given
  switch (form.form) {
    case 'bands':
    case 'seeds':
      throw new Error(`${form.form} are made by others`)
    case 'bits':
      return encodeGrids(content.edited, form)
    case 'dense':
      return encodeValues(content.edited, form.values)
    case 'sign':
      return encodeSign(place, content)
    default:
      return encodeSparse(form, place, content)
  }
}

function encodeSign(place: LossyPlace, { edited, scales }: LossyContent): Uint8Array {
  const { first, count } = matricesIn(place)
  const magnitudes = encodeValues(scales!.subarray(first, first + count), 'F32')
  const out = new Uint8Array(magnitudes.length + Math.ceil(place.size / 8))
  out.set(magnitudes)
  for (let i = 0, at = magnitudes.length; i < place.size; at++) {
    let byte = 0
    for (let bit = 0; bit < 8 && i < place.size; bit++, i++) if (edited[i]! >= 0) byte |= 1 << bit
    out[at] = byte
  }
  return out
}

/** The head of the records of a tensor, from the triplets of its matrices. @throws BadValue */
export const encodeBandsHead = (form: Bands, triplets: readonly Triplets[]): Uint8Array =>
  join(triplets.map((each) => encodeBandHead(form, each)))

/** The record of a piece; that of the first one has the head. @throws BadValue */
export function encodeBands(
  form: Bands,
  place: LossyPlace,
  triplets: readonly Triplets[],
  head: Uint8Array,
): Uint8Array {
  const parts = place.from === 0 ? [head] : []
  let at = place.from
  for (const { matrix, rows } of rowsIn(place)) {
    const from = (at - matrix * place.matrix) / place.columns
    parts.push(encodeBandRows(form, triplets[matrix]!, from, from + rows))
    at += rows * place.columns
  }
  return join(parts)
}
