// Which tensors a codec stores, the pieces that they are cut into, and their bytes.
import {
  columnsOf,
  countEntries,
  type LossyPlace,
  pieceBytes,
  VALUE_BYTES,
  type ValueFormat,
} from '../kernels/index.js'
import type { CodedTensor, LossyCodec } from './codec.js'

/** Formats of the tensors that are stored with loss. */
export const isLossyFormat = (dtype: string): dtype is ValueFormat => Object.hasOwn(VALUE_BYTES, dtype)

/** Why a codec with these options does not store a tensor; null where it does. */
export function unfitFor(codec: LossyCodec, options: unknown, tensor: CodedTensor): string | null {
  const { shape, dtype, matrices } = tensor
  if (!isLossyFormat(dtype)) return 'codecs with loss store F32, BF16 and F16'
  if (!countEntries(shape)) return 'it has no entries'
  if (!(matrices >= 1) || (matrices > 1 && (shape.length < 2 || shape[0] !== matrices)))
    return `a tensor [${shape.join(', ')}] is no batch of ${matrices} matrices`
  if (codec.ofMatrices && shape.length - Number(matrices > 1) !== 2)
    return `${codec.name} stores matrices, and this is [${shape.join(', ')}]`
  if (codec.ofRows && columnsOf(shape) > entriesOfPiece(dtype))
    return `${codec.name} stores rows of at most ${entriesOfPiece(dtype)} entries of ${dtype}`
  return codec.unfit?.(options, tensor) ?? null
}

const entriesOfPiece = (dtype: ValueFormat): number => pieceBytes(dtype) / VALUE_BYTES[dtype]

/** Entries of a piece, but for the last one. */
function stepOf({ ofRows }: LossyCodec, { shape, dtype }: CodedTensor): number {
  const [columns, most] = [columnsOf(shape), entriesOfPiece(dtype as ValueFormat)]
  return ofRows ? Math.max(1, Math.floor(most / columns)) * columns : most
}

/** The number of pieces of a tensor. */
export const countPlaces = (codec: LossyCodec, tensor: CodedTensor): number =>
  Math.ceil(countEntries(tensor.shape) / stepOf(codec, tensor))

/** The pieces of a tensor: as long as they may be, of whole rows where the codec wants it. */
export function* placesOf(codec: LossyCodec, tensor: CodedTensor): Generator<LossyPlace> {
  const { shape, dtype, matrices } = tensor
  const [all, columns, own] = [countEntries(shape), columnsOf(shape), dtype as ValueFormat]
  const step = stepOf(codec, tensor)
  for (let from = 0; from < all; from += step)
    yield { from, size: Math.min(step, all - from), columns, matrix: all / matrices, all, dtype: own }
}
