// The codecs of delta files that keep less than all of a delta. A new one is a line in the list here and a form of `kernels`.
import { z } from 'zod'
import { findNamed } from '../errors/index.js'
import { columnsOf, keyOf, type StoredBand } from '../kernels/index.js'
import { parseWith } from '../schema/index.js'
import type { LossyCodec } from './codec.js'

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
    values: VALUES.describe('Format of the scales; float32 gives what edit writes.'),
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
    values: VALUES.describe('Format of vectors and singular values; float32 gives what edit writes.'),
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
      'Format of scales, singular values and vectors that are not quantised; float32 gives what edit writes.',
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

/** @throws UserError for options that it does not have, and values out of range */
export const codecOptions = (codec: LossyCodec, raw: unknown): Record<string, unknown> =>
  parseWith(codec.options, raw, codec.name)
