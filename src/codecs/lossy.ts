// The codecs of delta files that keep less than all of a delta: options, bytes, and where the pieces of a tensor are cut. A new codec is a
// line in the list here and a form of `kernels`.
import { z } from 'zod'
import { findNamed, UserError } from '../errors/index.js'
import {
  columnsOf,
  countEntries,
  type LossyForm,
  type LossyPlace,
  lossyBytes,
  pieceBytes,
  VALUE_BYTES,
  type ValueFormat,
} from '../kernels/index.js'
import { type OptionsSchema, parseWith } from '../schema/index.js'

/** A tensor that a codec stores. */
export interface CodedTensor {
  shape: readonly number[]
  /** Format of the weights. */
  dtype: string
  /** Matrices [rows, columns] that lie one after the other; 1 for a tensor that is no batch. */
  matrices: number
}

/** A codec of delta files. */
export interface LossyCodec<O = any> {
  /** In files, code and on the command line. */
  readonly name: string
  /** One sentence for people. */
  readonly title: string
  /** Whose layout or idea it is; empty where it is nobody's. */
  readonly cite: string
  /** The editor whose result it stores, under the same names of options; null where any may come before it. */
  readonly editor: string | null
  /** Strict zod object of what a reader must know, and of what is stored. */
  readonly options: OptionsSchema<O>
  /** Whether it stores matrices alone. */
  readonly ofMatrices?: boolean
  /** Whether pieces are whole rows. */
  readonly ofRows?: boolean
  form(options: O, tensor: CodedTensor): LossyForm
  /** Whether what is written is held to the edit, entry by entry. */
  restores(options: O): boolean
  /** Why these options do not fit the tensor; null where they do. */
  unfit?(options: O, tensor: CodedTensor): string | null
}

const FORMATS = { f32: 'F32', bf16: 'BF16', f16: 'F16' } as const
type FormatName = keyof typeof FORMATS
const formats = z.enum(['f32', 'bf16', 'f16'])
const RESTORE = z
  .boolean()
  .default(true)
  .describe('Entries that the editor leaves alone are those of post to the bit, as edit writes them.')

const define = <O>(codec: LossyCodec<O>): LossyCodec<O> => Object.freeze(codec)

const dense = define<{ values: FormatName }>({
  name: 'dense',
  title: 'A value for each entry.',
  cite: '',
  editor: null,
  options: z.strictObject({ values: formats.default('bf16').describe('Format of the values.') }),
  form: ({ values }) => ({ form: 'dense', values: FORMATS[values] }),
  restores: ({ values }) => values === 'f32',
})

const sparseOptions = z.strictObject({
  values: z
    .enum(['weight', 'f32', 'bf16', 'f16'])
    .default('weight')
    .describe('Format of the values; weight: the edited weights themselves, in the format of the tensor.'),
})
const sparse = (name: 'bitmask' | 'index', title: string) =>
  define<z.infer<typeof sparseOptions>>({
    name,
    title,
    cite: '',
    editor: null,
    options: sparseOptions,
    form: ({ values }) => ({ form: name, values: values === 'weight' ? values : FORMATS[values] }),
    restores: ({ values }) => values === 'f32',
  })

const sign = define<{ restore: boolean }>({
  name: 'sign',
  title: 'A sign for each entry, and one magnitude for each matrix.',
  cite: 'Liu et al. 2024 (BitDelta), arXiv 2402.10193',
  editor: 'bitdelta',
  options: z.strictObject({ restore: RESTORE }),
  form: () => ({ form: 'sign' }),
  restores: ({ restore }) => restore,
})

export const lossyCodecs: readonly LossyCodec[] = [
  dense,
  sparse('bitmask', 'A bit for each entry, and values where it is 1.'),
  sparse('index', 'Positions of entries, and their values.'),
  sign,
]

/** @throws UserError with the nearest name */
export const lossyCodec = (name: string): LossyCodec => findNamed('codec', name, lossyCodecs)

/** Formats of the tensors that are stored with loss. */
export const isLossyFormat = (dtype: string): dtype is ValueFormat => Object.hasOwn(VALUE_BYTES, dtype)

/** Why a codec with these options does not store a tensor; null where it does. */
export function unfitFor(codec: LossyCodec, options: unknown, tensor: CodedTensor): string | null {
  const { shape, dtype, matrices } = tensor
  if (!isLossyFormat(dtype)) return `${dtype} is stored exactly; ${codec.name} stores F32, BF16 and F16`
  if (!countEntries(shape)) return 'it has no entries'
  if (!(matrices >= 1) || (matrices > 1 && (shape.length < 2 || shape[0] !== matrices)))
    return `a tensor [${shape.join(', ')}] is no batch of ${matrices} matrices`
  if (codec.ofMatrices && shape.length - Number(matrices > 1) !== 2)
    return `${codec.name} stores matrices, and this is [${shape.join(', ')}]`
  if (codec.ofRows && columnsOf(shape) > entriesOfPiece(dtype))
    return `${codec.name} stores rows of at most ${entriesOfPiece(dtype)} entries of ${dtype}`
  return codec.unfit?.(options, tensor) ?? null
}

/** @throws UserError for options that it does not have, and values out of range */
export const codecOptions = (codec: LossyCodec, raw: unknown): Record<string, unknown> =>
  parseWith(codec.options, raw, codec.name)

const entriesOfPiece = (dtype: ValueFormat): number => pieceBytes(dtype) / VALUE_BYTES[dtype]

/** The pieces of a tensor: as long as they may be, of whole rows where the codec wants it. */
export function* placesOf(codec: LossyCodec, { shape, dtype, matrices }: CodedTensor): Generator<LossyPlace> {
  const [all, columns] = [countEntries(shape), columnsOf(shape)]
  const own = dtype as ValueFormat
  const most = entriesOfPiece(own)
  const step = codec.ofRows ? Math.floor(most / columns) * columns : most
  for (let from = 0; from < all; from += step)
    yield { from, size: Math.min(step, all - from), columns, matrix: all / matrices, dtype: own }
}

/**
 * Bytes that store a tensor, entries that are mended (`restore`) aside; null where that depends on how many entries are kept, and the
 * number is not given.
 * @throws UserError where they do not fit the tensor
 */
export function codedBytes(codec: LossyCodec, options: unknown, tensor: CodedTensor): number | null {
  const why = unfitFor(codec, options, tensor)
  if (why !== null) throw new UserError(why)
  const form = codec.form(options, tensor)
  let sum = 0
  for (const place of placesOf(codec, tensor)) {
    const bytes = lossyBytes(form, place)
    if (bytes === null) return null
    sum += bytes
  }
  return sum
}
