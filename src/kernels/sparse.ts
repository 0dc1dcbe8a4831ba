// Entries of a piece that are kept, with a bit for each entry, by their positions or by a mask that is drawn again, and their values: those
// of the delta, or weights.
import { type DrawnMask, drawKept } from './drawn.js'
import {
  decodeValues,
  encodeValues,
  findOnes,
  packCodes,
  packedBytes,
  unpackCodes,
  VALUE_BYTES,
  type ValueFormat,
} from './values.js'

/** A record that says what it may not. */
export class BadLossy extends Error {}

/** How they are stored. `weight`: the values are weights as they are written. */
export type SparseForm = { values: ValueFormat | 'weight' } & (
  | { form: 'bitmask' | 'index' }
  | ({ form: 'drawn' } & DrawnMask)
)

/** A part of a tensor. */
interface SparsePlace {
  from: number
  size: number
}

/** What is stored of a piece: the edited delta, and the patterns of the weights of the base and of the edited ones. */
export interface SparseContent {
  edited: Float32Array
  base: Uint16Array | Uint32Array
  weights: Uint16Array | Uint32Array | null
}

const bitsOfIndex = (size: number): number => Math.max(1, Math.ceil(Math.log2(size)))

/** Numbers of the entries that are stored. */
function keptOf(form: SparseForm, { from, size }: SparsePlace, { edited, base, weights }: SparseContent): Uint32Array {
  if (form.form === 'drawn') return drawKept(form, from, size)
  const isWeight = form.values === 'weight'
  const kept = new Uint32Array(edited.length)
  let count = 0
  for (let i = 0; i < edited.length; i++) if (isWeight ? weights![i] !== base[i] : edited[i] !== 0) kept[count++] = i
  return kept.subarray(0, count)
}

/** @throws BadValue */
export function encodeSparse(form: SparseForm, place: SparsePlace, content: SparseContent): Uint8Array {
  const { size } = place
  const kept = keptOf(form, place, content)
  const values =
    form.values === 'weight'
      ? weightBytes(content.weights!, kept)
      : encodeValues(
          Float32Array.from(kept, (i) => content.edited[i]!),
          form.values,
        )
  if (form.form === 'drawn') return values
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

/** What a record says: values of the delta, or weights, of the entries of these numbers; and the bytes behind it. */
export interface ReadSparse {
  kept: Uint32Array
  delta: Float32Array | null
  weights: Uint8Array | null
  rest: Uint8Array
}

/** @throws BadLossy, BadValue */
export function decodeSparse(
  form: SparseForm,
  { from, size, dtype }: SparsePlace & { dtype: ValueFormat },
  record: Uint8Array,
): ReadSparse {
  const { kept, at } =
    form.form === 'drawn'
      ? { kept: drawKept(form, from, size), at: 0 }
      : form.form === 'index'
        ? readIndex(record, size)
        : readMask(record, size)
  const format = form.values === 'weight' ? dtype : form.values
  const values = take(record, at, kept.length * VALUE_BYTES[format])
  const rest = record.subarray(at + values.length)
  if (form.values === 'weight') return { kept, delta: null, weights: values, rest }
  const delta = new Float32Array(size)
  const found = decodeValues(values, format)
  for (let k = 0; k < kept.length; k++) delta[kept[k]!] = found[k]!
  return { kept, delta, weights: null, rest }
}

function readMask(record: Uint8Array, size: number): { kept: Uint32Array; at: number } {
  const mask = take(record, 0, Math.ceil(size / 8))
  return { kept: findOnes(mask, size), at: mask.length }
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

export function take(record: Uint8Array, at: number, bytes: number): Uint8Array {
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
