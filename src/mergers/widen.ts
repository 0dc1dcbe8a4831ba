// WIDEN: weighs every input column of every model by how far its magnitude and its direction have moved from the base.
import { z } from 'zod'
import { dot, tf } from '../tensor/index.js'
import type { Merger } from './merger.js'
import { valuesOf } from './sum.js'

const options = z.strictObject({
  above_average_value_ratio: z
    .number()
    .min(0)
    .default(1)
    .describe('A column whose rank exceeds this times the mean rank takes the score below.'),
  score_calibration_value: z.number().default(1).describe('Weight of the columns that stand out.'),
})
type Options = z.infer<typeof options>

/**
 * Softmax over the models of each column's significance, divided by `scale`; what stands out within its model takes the
 * calibration value.
 */
function scores(
  significance: Float64Array[],
  { above_average_value_ratio: ratio, score_calibration_value: value }: Options,
  scale = 1,
): Float64Array[] {
  const means = significance.map((s) => s.reduce((sum, x) => sum + x, 0) / s.length)
  // Less the largest, or the exponential of a large |delta| is infinite.
  const most = significance[0].map((_, j) => Math.max(...significance.map((s) => s[j])))
  const share = (x: number, j: number) => Math.exp((x - most[j]) / scale)
  const sums = significance[0].map((_, j) => significance.reduce((sum, s) => sum + share(s[j], j), 0))
  return significance.map((s, m) => s.map((x, j) => (x > ratio * means[m] ? value : share(x, j) / sums[j])))
}

/**
 * Ranks by ascending value, equal values in order of index. Whole numbers, whose mean is exact: the middle one of an odd number
 * is the mean and does not exceed it, where in the authors' code the rounding of rank / n decides.
 */
function ranks(values: Float64Array): Float64Array {
  const out = new Float64Array(values.length)
  Array.from(values.keys())
    .sort((a, b) => values[a] - values[b] || a - b)
    .forEach((j, rank) => (out[j] = rank))
  return out
}

/** Matrices by input column (embeddings by token row), other tensors entry by entry with |delta| itself as significance. */
export const widen: Merger<Options, object, undefined, Float32Array[]> = {
  name: 'widen',
  title: 'Weighs each input column of each delta by the ranks of its change in magnitude and direction.',
  cite: 'Yu et al. 2024, arXiv 2408.03092',
  options,
  modelOptions: z.strictObject({}),
  conventions: ['paper'],
  input: 'delta',
  count: [1, Infinity],
  async prepare({ models, base, embedding }, { options }) {
    const deltas = await Promise.all(models.map(valuesOf))
    const { shape } = models[0]
    if (shape.length !== 2)
      return scores(
        deltas.map((d) => Float64Array.from(d, Math.abs)),
        options,
      ).map((s) => Float32Array.from(s))
    const before = await valuesOf(base!)
    const [rows, columns] = shape
    const [count, length, first, step] = embedding ? [rows, columns, columns, 1] : [columns, rows, 1, columns]
    const norms = Float64Array.from({ length: count }, (_, j) => Math.sqrt(dot(before, before, j * first, step, length)))
    const [magnitude, direction]: Float64Array[][] = [[], []]
    for (const delta of deltas) {
      const after = before.map((b, i) => b + delta[i])
      const own = norms.map((_, j) => Math.sqrt(dot(after, after, j * first, step, length)))
      magnitude.push(ranks(own.map((norm, j) => Math.abs(norm - norms[j]))))
      direction.push(ranks(own.map((norm, j) => 1 - dot(after, before, j * first, step, length) / (norm * norms[j] || 1))))
    }
    const [a, b] = [scores(magnitude, options, count), scores(direction, options, count)]
    return a.map((s, m) => Float32Array.from(s, (x, j) => (x + b[m][j]) / 2))
  },
  merge({ models, embedding }, { facts }) {
    const { shape } = models[0]
    const weights = facts.map((w) => tf.tensor(w, shape.length !== 2 ? shape : embedding ? [shape[0], 1] : [1, shape[1]]))
    return models.map((t, m) => t.mul(weights[m])).reduce((sum, t) => sum.add(t))
  },
}
