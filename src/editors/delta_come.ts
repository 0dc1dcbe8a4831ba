// Delta-CoMe: singular vectors in bands of falling precision, 8 bits for the first few, 3, then 2, and none for the tail.
import { z } from 'zod'
import { countEntries, product, type Svd, sharedRank, svd, svdBytes, tf } from '../tensor/index.js'
import { denseBits } from './bits.js'
import { defineEditor } from './define.js'
import { gptq, type Matrix, roundToNearest } from './gptq.js'

const options = z.strictObject({
  bands: z
    .string()
    .regex(
      /^(1[0-6]|[1-9])x[1-9]\d*(\+(1[0-6]|[1-9])x[1-9]\d*)*$/,
      'must be bits x singular vectors, joined by +, like 8x2+3x32+2x968',
    )
    .default('8x2+3x32+2x968')
    .describe(
      'Bits x singular vectors of each band, leading ones first; 16 is not quantised. The default is 1 bit per entry of a 4096² matrix.',
    ),
  group: z.int().min(0).default(128).describe('Entries that share a scale and a zero point; 0 is a whole row.'),
  quantiser: z
    .enum(['nearest', 'gptq'])
    .default('nearest')
    .describe('Round to nearest, or GPTQ by the Gram matrix of the inputs of the layer.'),
  damping: z
    .number()
    .min(0)
    .default(0.01)
    .describe('Of GPTQ: added to the diagonal of the Hessian, as a fraction of its mean.'),
})

type Options = z.infer<typeof options>

/** A band of 16 bits is not quantised, as in the code of Delta-CoMe (@646a1fb, `fp16_col`). */
const UNQUANTISED = 16

export interface Band {
  bits: number
  /** Indices of its singular vectors, [from, to). */
  from: number
  to: number
}

/** The bands of a matrix with `rank` singular vectors. */
export function bandsOf({ bands }: Options, rank: number): Band[] {
  let at = 0
  return bands
    .split('+')
    .map((text) => {
      const [bits = 0, width = 0] = text.split('x').map(Number)
      const from = at
      at = Math.min(rank, at + width)
      return { bits, from, to: at }
    })
    .filter(({ from, to }) => to > from)
}

/**
 * De-quantised factors of one band: U [rows, width], in groups along the band, and Vᵀ [width, columns], in groups along the inputs.
 * Singular values and bands of 16 bits are not quantised. Without a Gram matrix XᵀX, both factors are rounded to nearest.
 */
export function quantiseBand(
  { rows, columns, s, ut, vt }: Svd,
  { bits, from, to }: Band,
  options: Options,
  gram?: ArrayLike<number>,
): { u: Float32Array; vt: Float32Array } {
  const { quantiser, group, damping } = options
  const width = to - from
  const right: Matrix = { rows: width, columns, values: vt.subarray(from * columns, to * columns) }
  const left: Matrix = {
    rows,
    columns: width,
    values: Float32Array.from(
      { length: rows * width },
      (_, at) => ut[(from + (at % width)) * rows + Math.floor(at / width)]!,
    ),
  }
  if (bits === UNQUANTISED) return { u: left.values, vt: right.values }
  if (quantiser === 'nearest' || !gram)
    return { u: roundToNearest(left, bits, group), vt: roundToNearest(right, bits, group) }
  const quantised = gptq(right, gram, { bits, group, damping })
  // The inputs of U are Y = X V S, so YᵀY = S Vᵀ (XᵀX) V S.
  const v = { values: quantised, down: columns, right: 1 }
  const half = product(v, { values: gram, down: columns, right: 1 }, [width, columns, columns])
  const fed = product({ values: half, down: columns, right: 1 }, { values: quantised, down: 1, right: columns }, [
    width,
    columns,
    width,
  ])
  const between = fed.map((value, at) => value * s[from + Math.floor(at / width)]! * s[from + (at % width)]!)
  return { u: gptq(left, between, { bits, group, damping }), vt: quantised }
}

/** Singular vectors to compute; undefined for all. */
const computedRank = (options: Options, shape: readonly number[]): number | undefined =>
  sharedRank(shape, bandsOf(options, Infinity).at(-1)!.to)

export const deltaCome = defineEditor({
  name: 'delta_come',
  title: 'Quantises leading singular vectors in bands of falling precision and drops the rest.',
  cite: 'Ping et al. 2024 (Delta-CoMe), arXiv 2406.08903',
  options,
  axis: 'group',
  reads: 'matrix',
  needsGram: ({ quantiser }) => quantiser === 'gptq',
  factorise: (delta, options) => svd(delta, { rank: computedRank(options, delta.shape) }),
  workBytes: (options, shape) =>
    svdBytes(shape, computedRank(options, shape)) +
    32 * countEntries(shape) +
    (options.quantiser === 'gptq' ? 24 * shape[1]! ** 2 : 0),
  factorKey: (options, shape) => String(computedRank(options, shape) ?? 'all'),
  edit(delta, { options, factors, gram }) {
    const [rows, columns] = delta.shape as [number, number]
    const parts = bandsOf(options, factors.s.length).map((band) => {
      const { u, vt } = quantiseBand(factors, band, options, gram)
      const width = band.to - band.from
      return tf.matMul(
        tf.tensor2d(u, [rows, width]).mul(tf.tensor1d(Float32Array.from(factors.s.subarray(band.from, band.to)))),
        tf.tensor2d(vt, [width, columns]),
      )
    })
    return tf.addN(parts)
  },
  warnings: ({ quantiser }, { gram }) =>
    quantiser === 'gptq' && !gram ? ['knows no inputs of this tensor and rounds it to nearest'] : [],
  /** Per band, bits (m + n) width for the codes, 16 + bits for each group (none of 16-bit bands), 16 for each singular value; never more than dense. */
  bits(options, { shape }) {
    if (shape.length !== 2) return denseBits(shape)
    const [rows, columns] = shape
    const groups = (length: number) => Math.ceil(length / (options.group || length))
    const total = bandsOf(options, Math.min(rows!, columns!)).reduce((sum, { bits, from, to }) => {
      const width = to - from
      const grids = bits === UNQUANTISED ? 0 : (16 + bits) * (rows! * groups(width) + width * groups(columns!))
      return sum + width * (bits * (rows! + columns!) + 16) + grids
    }, 0)
    return Math.min(denseBits(shape), total)
  },
})
