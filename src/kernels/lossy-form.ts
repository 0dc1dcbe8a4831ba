// Deltas of pieces of tensors in fewer bits than they have: what each form writes and reads. docs/delta-format.md describes the bytes.
import {
  decodeValues,
  encodeValues,
  packCodes,
  packedBytes,
  unpackCodes,
  VALUE_BYTES,
  type ValueFormat,
} from './values.js'

/** How the delta of a tensor is stored. */
export type LossyForm =
  /** A value for each entry. */
  | { form: 'dense'; values: ValueFormat }
  /** A bit for each entry, and values where it is 1; or positions and values. `weight`: the values are weights as they are written. */
  | { form: 'bitmask' | 'index'; values: ValueFormat | 'weight' }
  /** A bit for each entry, and the magnitude of all entries of a matrix. */
  | { form: 'sign' }

/** What a form knows of a piece of a tensor. */
export interface LossyPlace {
  /** Number of its first entry in the tensor, and its entries. */
  from: number
  size: number
  /** Entries of a row, and of a matrix; a tensor that is no batch of matrices is one. */
  columns: number
  matrix: number
  /** Format of the weights. */
  dtype: ValueFormat
}

/** What is stored of a piece. */
export interface LossyContent {
  /** The edited delta. */
  edited: Float32Array
  /** The weights of the base and the edited ones, as patterns of their format. */
  base: Uint16Array | Uint32Array
  weights: Uint16Array | Uint32Array | null
  /** Of `sign`: the magnitude of each matrix. */
  scales: Float32Array | null
}

/** A record that says what it may not. */
export class BadLossy extends Error {}

/** Whether the values are weights. */
export const holdsWeights = (form: LossyForm): boolean => 'values' in form && form.values === 'weight'

/** Matrices that a piece has a part of. */
const matricesIn = ({ from, size, matrix }: LossyPlace): { first: number; count: number } => {
  const first = Math.floor(from / matrix)
  return { first, count: Math.floor((from + size - 1) / matrix) - first + 1 }
}

const bitsOfIndex = (size: number): number => Math.max(1, Math.ceil(Math.log2(size)))

/** Bytes of a record without what is mended; null where that depends on the values. */
export function lossyBytes(form: LossyForm, place: LossyPlace): number | null {
  const { size } = place
  if (form.form === 'dense') return size * VALUE_BYTES[form.values]
  if (form.form === 'sign') return 4 * matricesIn(place).count + Math.ceil(size / 8)
  return null
}

/** Most bytes of a record: what a reader believes. */
export function mostLossyBytes(form: LossyForm, place: LossyPlace): number {
  return (lossyBytes(form, place) ?? 4 + 3 * place.size) + 8 * place.size
}

/** The record of a piece. */
export function encodeLossy(form: LossyForm, place: LossyPlace, content: LossyContent): Uint8Array {
  switch (form.form) {
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

/** Numbers of the entries that are stored. */
function keptOf(isWeight: boolean, { edited, base, weights }: LossyContent): Uint32Array {
  const kept = new Uint32Array(edited.length)
  let count = 0
  for (let i = 0; i < edited.length; i++) if (isWeight ? weights![i] !== base[i] : edited[i] !== 0) kept[count++] = i
  return kept.subarray(0, count)
}

function encodeSparse(
  form: Extract<LossyForm, { form: 'bitmask' | 'index' }>,
  { size }: LossyPlace,
  content: LossyContent,
): Uint8Array {
  const kept = keptOf(form.values === 'weight', content)
  const values =
    form.values === 'weight'
      ? weightBytes(content.weights!, kept)
      : encodeValues(
          Float32Array.from(kept, (i) => content.edited[i]!),
          form.values,
        )
  if (form.form === 'index')
    return join([bytesIn(Uint32Array.of(kept.length)), packCodes(kept, bitsOfIndex(size)), values])
  const mask = new Uint8Array(Math.ceil(size / 8))
  for (const i of kept) mask[i >> 3]! |= 1 << (i & 7)
  return join([mask, values])
}

function weightBytes(weights: Uint16Array | Uint32Array, kept: Uint32Array): Uint8Array {
  const out = weights instanceof Uint16Array ? new Uint16Array(kept.length) : new Uint32Array(kept.length)
  for (let k = 0; k < kept.length; k++) out[k] = weights[kept[k]!]!
  return bytesIn(out)
}

/** What a record says. */
export interface ReadLossy {
  /** The delta; or, of those that hold weights, numbers and weights of the entries that are not the base's. */
  delta: Float32Array | null
  kept: Uint32Array | null
  weights: Uint8Array | null
  /** Bytes behind it. */
  rest: Uint8Array
}

/** @throws BadLossy */
export function decodeLossy(form: LossyForm, place: LossyPlace, record: Uint8Array): ReadLossy {
  const { size, dtype } = place
  if (form.form === 'bitmask' || form.form === 'index') {
    const { kept, at } = form.form === 'index' ? readIndex(record, size) : readMask(record, size)
    const format = form.values === 'weight' ? dtype : form.values
    const values = take(record, at, kept.length * VALUE_BYTES[format])
    const rest = record.subarray(at + values.length)
    if (form.values === 'weight') return { delta: null, kept, weights: values, rest }
    const delta = new Float32Array(size)
    const found = decodeValues(values, format)
    for (let k = 0; k < kept.length; k++) delta[kept[k]!] = found[k]!
    return { delta, kept: null, weights: null, rest }
  }
  const bytes = lossyBytes(form, place)!
  const body = take(record, 0, bytes)
  const delta = form.form === 'dense' ? decodeValues(body, form.values) : decodeSign(place, body)
  return { delta, kept: null, weights: null, rest: record.subarray(bytes) }
}

function decodeSign(place: LossyPlace, body: Uint8Array): Float32Array {
  const { from, size, matrix } = place
  const { count } = matricesIn(place)
  const scales = decodeValues(body.subarray(0, 4 * count), 'F32')
  const signs = body.subarray(4 * count)
  const out = new Float32Array(size)
  for (let i = 0, m = 0; m < count; m++) {
    const [plus, minus] = [scales[m]!, -scales[m]!]
    const end = Math.min(size, (Math.floor(from / matrix) + m + 1) * matrix - from)
    for (; i < end; i++) out[i] = (signs[i >> 3]! >> (i & 7)) & 1 ? plus : minus
  }
  return out
}

function readMask(record: Uint8Array, size: number): { kept: Uint32Array; at: number } {
  const mask = take(record, 0, Math.ceil(size / 8))
  const kept = new Uint32Array(size)
  let count = 0
  for (let i = 0; i < size; i++) if ((mask[i >> 3]! >> (i & 7)) & 1) kept[count++] = i
  return { kept: kept.subarray(0, count), at: mask.length }
}

function readIndex(record: Uint8Array, size: number): { kept: Uint32Array; at: number } {
  const head = take(record, 0, 4)
  const count = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true)
  if (count > size) throw new BadLossy()
  const bits = bitsOfIndex(size)
  const packed = take(record, 4, packedBytes(count, bits))
  const kept = unpackCodes(packed, count, bits)
  for (let k = 0; k < count; k++) if (kept[k]! >= size || (k && kept[k]! <= kept[k - 1]!)) throw new BadLossy()
  return { kept, at: 4 + packed.length }
}

function take(record: Uint8Array, at: number, bytes: number): Uint8Array {
  if (at + bytes > record.length) throw new BadLossy()
  return record.subarray(at, at + bytes)
}

const bytesIn = (numbers: Uint16Array | Uint32Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
