// ImPart: drops entries of singular vectors at random and rescales the rest. Vectors of large singular values lose fewer entries.
import { z } from 'zod'
import { type Key, shareOf, svd, tf, uniforms } from '../tensor/index.js'
import { denseBits } from './bits.js'
import { defineEditor } from './define.js'

const options = z
  .strictObject({
    drop_rate: z
      .number()
      .min(0)
      .max(1)
      .refine((p) => p < 1, 'must be below 1')
      .describe('Sparsity of U and V together (alpha of the paper).'),
    beta: z
      .number()
      .min(0)
      .max(1)
      .default(0.6)
      .describe('Fraction of trailing singular vectors that is dropped whole; at most drop_rate.'),
    exponent: z
      .number()
      .refine((c) => c > 0, 'must be above 0')
      .default(1)
      .describe('C: how fast the sparsity grows as singular values fall.'),
  })
  .refine((o) => o.beta <= o.drop_rate, { message: 'must be at most drop_rate', path: ['beta'] })

type Options = z.infer<typeof options>

/**
 * Drop ratio of each kept singular vector (their number is the kept rank): (1 - (s_k/s_1)^C) gamma with
 * gamma = (alpha - beta)/(1 - beta), over the leading trunc(n (1 - beta)); trailing ones are cut until the mean is gamma.
 */
export function dropRatios(s: ArrayLike<number>, { drop_rate, beta, exponent }: Options): number[] {
  const count = shareOf(s.length, 1 - beta)
  const gamma = (drop_rate - beta) / (1 - beta)
  const ratios = Array.from({ length: count }, (_, k) => (1 - (s[k]! / s[0]!) ** exponent) * gamma)
  if (!(s[0]! > 0)) return []
  let cut = count
  for (let sum = ratios.reduce((total, p) => total + p, 0); cut > 0 && sum / count < gamma; ) sum += 1 - ratios[--cut]!
  return ratios.slice(0, cut)
}

/** 1 where an entry is kept, [length, ratios.length]: of column k the trunc(length × p_k) entries of smallest draw are dropped. */
export function drawMask(length: number, ratios: readonly number[], key: Key, offset: number): Uint8Array {
  const keep = new Uint8Array(length * ratios.length).fill(1)
  for (const [k, p] of ratios.entries()) {
    const draws = uniforms(length, key, offset + k * length)
    const order = Array.from(draws.keys()).sort((a, b) => draws[a]! - draws[b]!)
    for (const i of order.slice(0, Math.trunc(length * p))) keep[i * ratios.length + k] = 0
  }
  return keep
}

/** Vectors stay unchanged. A keep mask, where one is given, is that of U [rows, rank] followed by that of V [columns, rank]. */
export const impart = defineEditor({
  name: 'impart',
  title: 'Sparsifies singular vectors at random, important ones less.',
  cite: 'Yang et al. 2025 (ImPart), arXiv 2504.13237, algorithm 1',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0, beta: 0 },
  stochastic: ({ drop_rate, beta }) => drop_rate > beta,
  reads: 'matrix',
  factorise: (delta) => svd(delta),
  edit(delta, { options, factors: { s, ut, vt }, key, keep }) {
    if (options.drop_rate === 0) return delta.clone()
    const [rows, columns] = delta.shape as [number, number]
    const ratios = dropRatios(s, options)
    const rank = ratios.length
    if (rank === 0) return tf.zerosLike(delta)
    const mask = keep ?? [...drawMask(rows, ratios, key, 0), ...drawMask(columns, ratios, key, rows * s.length)]
    const left = Float32Array.from({ length: rows * rank }, (_, at) => {
      const [i, k] = [Math.floor(at / rank), at % rank]
      return mask[at] ? (ut[k * rows + i]! / (1 - ratios[k]!)) * s[k]! : 0
    })
    const right = Float32Array.from({ length: rank * columns }, (_, at) => {
      const [k, j] = [Math.floor(at / columns), at % columns]
      return mask[(rows + j) * rank + k] ? vt[at]! / (1 - ratios[k]!) : 0
    })
    return tf.matMul(tf.tensor2d(left, [rows, rank]), tf.tensor2d(right, [rank, columns]))
  },
  warnings: (options, { factors }) =>
    dropRatios(factors.s, options).length ? [] : ['keeps nothing: no singular vector is left after the pre-pruning'],
  /** For each kept singular vector a bitmask of m + n, 16 per kept entry, 16 for the singular value; never more than dense. */
  bits(options, { shape, factors }) {
    if (shape.length !== 2 || !factors || options.drop_rate === 0) return denseBits(shape)
    const [rows, columns] = shape
    const kept = (length: number, p: number) => length - Math.trunc(length * p)
    const total = dropRatios(factors.s, options).reduce(
      (sum, p) => sum + rows! + columns! + 16 * (kept(rows!, p) + kept(columns!, p) + 1),
      0,
    )
    return Math.min(denseBits(shape), total)
  },
})
