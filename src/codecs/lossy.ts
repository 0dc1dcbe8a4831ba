// The codecs of delta files that keep less than all of a delta: options, bytes, and where the pieces of a tensor are cut. A new codec is a
// line in the list here and a form of `kernels`.
import { z } from 'zod'
import { findNamed, UserError } from '../errors/index.js'
import {
  columnsOf,
  countEntries,
  keyOf,
  type LossyForm,
  type LossyPlace,
  lossyBytes,
  pieceBytes,
  type StoredBand,
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

const drawn = define<{ drop_rate: number; seed: number; tensor: string; values: 'weight' | FormatName }>({
  name: 'drawn',
  title: 'Values of the entries that a mask keeps which is drawn again from a seed.',
  cite: 'Yu et al. 2024 (DARE), arXiv 2311.03099',
  editor: 'dare',
  options: sparseOptions.extend({
    drop_rate: z.number().min(0).max(1).describe('Probability that an entry is dropped.'),
    seed: z.int().nonnegative().describe('Keys the mask, with the name of the tensor.'),
    tensor: z.string().describe('Name that the mask is keyed by.'),
  }),
  form: ({ values, seed, tensor, drop_rate: rate }) => ({
    ...{ form: 'drawn', key: keyOf(seed, 'dare', tensor), rate },
    values: values === 'weight' ? values : FORMATS[values],
  }),
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

const VALUES = formats.default('f32')

const bits = define<{ bits: number; group: number; values: FormatName; restore: boolean }>({
  name: 'bits',
  title: 'Codes of few bits; each group of a row has a scale and a zero point.',
  cite: 'Frantar et al. 2023 (GPTQ), arXiv 2210.17323',
  editor: 'quantise',
  options: z.strictObject({
    bits: z.int().min(1).max(16).describe('Bits of an entry.'),
    group: z
      .int()
      .min(0)
      .default(128)
      .describe('Entries of a row that share a scale and a zero point; 0 is a whole row.'),
    values: VALUES.describe('Format of the scales; f32 gives what edit writes.'),
    restore: RESTORE,
  }),
  ofRows: true,
  form: ({ bits, group, values }, { shape }) => ({
    ...{ form: 'bits', columns: columnsOf(shape), bits, group },
    values: FORMATS[values],
  }),
  restores: ({ restore, values }) => restore && values === 'f32',
})

const lowRank = define<{ rank: number; values: FormatName; restore: boolean }>({
  name: 'low_rank',
  title: 'Leading singular vectors and values of a matrix.',
  cite: 'Lu et al. 2024 (Twin-Merging), arXiv 2406.15479',
  editor: 'lowrank',
  options: z.strictObject({
    rank: z.int().min(0).describe('Singular triplets of each matrix.'),
    values: VALUES.describe('Format of vectors and singular values; f32 gives what edit writes.'),
    restore: RESTORE,
  }),
  ofMatrices: true,
  ofRows: true,
  unfit: ({ rank }, { shape }) =>
    rank < Math.min(...shape.slice(-2)) ? null : `rank ${rank} is all of a matrix [${shape.slice(-2).join(', ')}]`,
  form: ({ rank, values }) => ({
    ...{ form: 'bands', bands: rank ? [{ bits: 16, width: rank }] : [], group: 0 },
    values: FORMATS[values],
  }),
  restores: ({ restore, values }) => restore && values === 'f32',
})

const BANDS = /^(1[0-6]|[1-9])x[1-9]\d*(\+(1[0-6]|[1-9])x[1-9]\d*)*$/

/** Bands of a matrix with so many singular vectors. */
function storedBands(text: string, rank: number): StoredBand[] {
  let left = rank
  return text
    .split('+')
    .map((band) => {
      const [bits = 0, width = 0] = band.split('x').map(Number)
      const own = Math.min(left, width)
      left -= own
      return { bits, width: own }
    })
    .filter(({ width }) => width > 0)
}

const bands = define<{ bands: string; group: number; values: FormatName; restore: boolean }>({
  name: 'bands',
  title: 'Singular vectors in bands of falling precision.',
  cite: 'Ping et al. 2024 (Delta-CoMe), arXiv 2406.08903',
  editor: 'delta_come',
  options: z.strictObject({
    bands: z
      .string()
      .regex(BANDS)
      .default('8x2+3x32+2x968')
      .describe('Bits x singular vectors of each band; 16 is not quantised.'),
    group: z.int().min(0).default(128).describe('Entries that share a scale and a zero point; 0 is a whole row.'),
    values: VALUES.describe(
      'Format of scales, singular values and vectors that are not quantised; f32 gives what edit writes.',
    ),
    restore: RESTORE,
  }),
  ofMatrices: true,
  ofRows: true,
  form: ({ bands, group, values }, { shape }) => ({
    ...{ form: 'bands', bands: storedBands(bands, Math.min(...shape.slice(-2))), group },
    values: FORMATS[values],
  }),
  restores: ({ restore, values }) => restore && values === 'f32',
})

/** Most scalars: more take longer than anyone waits. */
const MOST_SCALARS = 2 ** 22

const seeds = define<{ seed: number; tensor: string; scalars: number; shared: boolean }>({
  name: 'seeds',
  title: 'Scalars of directions that are drawn again from a seed: what deltalab zeroth has trained.',
  cite: 'Malladi et al. 2023 (MeZO), arXiv 2305.17333',
  editor: null,
  options: z.strictObject({
    seed: z.int().nonnegative().describe('Keys the directions, with the number of each and the name of the tensor.'),
    tensor: z.string().describe('Name that the directions are keyed by.'),
    scalars: z.int().min(1).max(MOST_SCALARS).describe('Directions, each with a scalar.'),
    shared: z.boolean().default(false).describe('The scalars are those of the last tensor before that has its own.'),
  }),
  unfit: (_, { dtype }) => (dtype === 'F32' ? null : `steps round to F32, and this is ${dtype}`),
  form: (options) => ({ form: 'seeds', ...options }),
  restores: () => false,
})

export const lossyCodecs: readonly LossyCodec[] = [
  dense,
  sparse('bitmask', 'A bit for each entry, and values where it is 1.'),
  sparse('index', 'Positions of entries, and their values.'),
  drawn,
  sign,
  bits,
  lowRank,
  bands,
  seeds,
]

/** @throws UserError with the nearest name */
export const lossyCodec = (name: string): LossyCodec => findNamed('codec', name, lossyCodecs)

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

/** @throws UserError for options that it does not have, and values out of range */
export const codecOptions = (codec: LossyCodec, raw: unknown): Record<string, unknown> =>
  parseWith(codec.options, raw, codec.name)

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
