// Entries of a piece that are kept, with a bit for each entry, by their positions or by a mask that is drawn again, and their values: those
// of the delta, or weights.
import { join } from './bytes.js'
import { type DrawnMask, drawKept } from './drawn.js'
import { encodeValues, packCodes, packedBytes, VALUE_BYTES, type ValueFormat } from './values.js'
import type { Fill, Workspace } from './workspace.js'

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

/** A record in the memory of a space. */
export interface PlacedRecord {
  at: number
  bytes: number
}

/** Entries that are kept: the address of their numbers, which ascend, how many they are, and the address of their values. */
interface Kept {
  numbers: number
  count: number
  values: number
}

/** What a record says: the delta, or weights that take the places of the base's; and the address behind it. */
export type ReadSparse = { end: number } & ({ fill: Fill } | { replace(to: number): void })

/** @throws BadLossy, BadValue */
export function readSparse(
  form: SparseForm,
  { from, size, dtype }: SparsePlace & { dtype: ValueFormat },
  record: PlacedRecord,
  space: Workspace,
): ReadSparse {
  const kept =
    form.form === 'drawn'
      ? readDrawn(drawKept(form, from, size), record, space)
      : form.form === 'index'
        ? readIndex(record, size, space)
        : readMask(record, size, space)
  const { numbers, count, values } = kept
  const width = VALUE_BYTES[form.values === 'weight' ? dtype : form.values]
  const end = endOf(record, values - record.at + count * width)
  if (form.values === 'weight')
    return { end, replace: (to) => space.kernels.scatter(to, 0, numbers, count, values, width) }
  const found = space.take(4 * count)
  space.decode(form.values, values, count, found)
  return { end, fill: fillKept({ ...kept, values: found }, space) }
}

/** Entries are filled in their order. */
function fillKept({ numbers, count, values }: Kept, space: Workspace): Fill {
  let next = 0
  return (first, size, to) => {
    const all = new Uint32Array(space.memory.buffer, numbers, count)
    space.floats(to, size).fill(0)
    const begin = next
    while (next < count && all[next]! < first + size) next++
    space.kernels.scatter(to, first, numbers + 4 * begin, next - begin, values + 4 * begin, 4)
  }
}

function readDrawn(kept: Uint32Array, { at }: PlacedRecord, space: Workspace): Kept {
  return { numbers: space.put(kept), count: kept.length, values: at }
}

function readMask(record: PlacedRecord, size: number, space: Workspace): Kept {
  const values = endOf(record, Math.ceil(size / 8))
  const numbers = space.take(4 * size)
  return { numbers, count: space.kernels.findOnes(record.at, size, numbers), values }
}

function readIndex(record: PlacedRecord, size: number, space: Workspace): Kept {
  const begin = endOf(record, 4)
  const [count = 0] = new Uint32Array(space.bytes(record.at, 4).slice().buffer)
  if (count > size) throw new BadLossy()
  const bits = bitsOfIndex(size)
  const values = endOf(record, 4 + packedBytes(count, bits))
  const numbers = space.take(4 * count)
  space.kernels.unpackCodes(begin, 0, count, bits, numbers)
  if (!space.kernels.isAscending(numbers, count, size)) throw new BadLossy()
  return { numbers, count, values }
}

/** The address behind so many bytes of a record. @throws BadLossy where it has fewer */
export function endOf({ at, bytes }: PlacedRecord, wanted: number): number {
  if (wanted > bytes) throw new BadLossy()
  return at + wanted
}

const bytesIn = (numbers: Uint16Array | Uint32Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
