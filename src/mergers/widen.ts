// WIDEN: weighs every input column of every model by how far its magnitude and its direction have moved from the base.
import { z } from 'zod'
import { countEntries, dot, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { readValues } from './sum.js'

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
  const most = significance[0]!.map((_, j) => Math.max(...significance.map((s) => s[j]!)))
  const share = (x: number, j: number) => Math.exp((x - most[j]!) / scale)
  const sums = significance[0]!.map((_, j) => significance.reduce((sum, s) => sum + share(s[j]!, j), 0))
  return significance.map((s, m) => s.map((x, j) => (x > ratio * means[m]! ? value : share(x, j) / sums[j]!)))
}

/**
 * Ranks by ascending value, equal values in order of index. Whole numbers, whose mean is exact: the middle one of an odd number
 * is the mean and does not exceed it, where in the authors' code the rounding of rank / n decides.
 */
function ranks(values: readonly number[]): Float64Array {
  const out = new Float64Array(values.length)
  Array.from(values.keys())
    .sort((a, b) => values[a]! - values[b]! || a - b)
    .forEach((j, rank) => (out[j] = rank))
  return out
}

/**
 * How far a delta moves a vector b: | |b + d| - |b| | and 1 - cos(b + d, b), a cosine with a zero vector counted as 0. Neither
 * is taken as the difference of two nearly equal numbers, in which the order of deltas below 1e-6 of the base would drown: the
 * first is (2bd + dd)/(|b + d| + |b|), the second comes from the part of d perpendicular to b, which is 0 when it is rounding.
 */
function movedBy(
  b: Float32Array,
  d: Float32Array,
  { from, step, count }: { from: number; step: number; count: number },
): [norm: number, turn: number] {
  const along = (x: Float32Array, y: Float32Array): number => dot(x, y, { from, step, count })
  const [bb, bd, dd] = [along(b, b), along(b, d), along(d, d)]
  let [after, across] = [0, 0]
  for (let n = 0, i = from; n < count; n++, i += step) {
    after += (b[i]! + d[i]!) ** 2
    across += (d[i]! - (bd / bb) * b[i]!) ** 2
  }
  const norm = Math.abs(2 * bd + dd) / (Math.sqrt(after) + Math.sqrt(bb) || 1)
  if (bb === 0 || after === 0) return [norm, 1]
  const sine2 = across > 1e-28 * dd ? Math.min(1, across / after) : 0
  const turn = sine2 / (1 + Math.sqrt(1 - sine2))
  return [norm, bb + bd < 0 ? 2 - turn : turn]
}

/** Matrices by input column (embeddings by token row), other tensors entry by entry with |delta| itself as significance. */
export const widen = defineMerger({
  name: 'widen',
  title: 'Weighs each input column of each delta by the ranks of its change in magnitude and direction.',
  cite: 'Yu et al. 2024, arXiv 2408.03092',
  options,
  reads: 'whole',
  workBytes: (shape, n) => 4 * (2 * n + 2) * countEntries(shape),
  perMatrix: () => true,
  byRow: () => true,
  async scanTensor({ models, base, embedding }, { options }) {
    const deltas = await Promise.all(models.map(readValues))
    const { shape } = models[0]!
    if (shape.length !== 2)
      return scores(
        deltas.map((d) => Float64Array.from(d, Math.abs)),
        options,
      ).map((s) => Float32Array.from(s))
    const before = await readValues(base!)
    const [rows, columns] = shape
    const [count, length, first, step] = embedding ? [rows, columns, columns, 1] : [columns, rows, 1, columns]
    const [magnitude, direction]: Float64Array[][] = [[], []]
    for (const delta of deltas) {
      const moved = Array.from({ length: count }, (_, j) =>
        movedBy(before, delta, { from: j * first, step, count: length }),
      )
      magnitude!.push(ranks(moved.map(([norm]) => norm)))
      direction!.push(ranks(moved.map(([, turn]) => turn)))
    }
    const [a, b] = [scores(magnitude!, options, count), scores(direction!, options, count)]
    return a.map((s, m) => Float32Array.from(s, (x, j) => (x + b[m]![j]!) / 2))
  },
  merge({ models, embedding }, { scanned }) {
    const { shape } = models[0]!
    const weights = scanned.map((w) =>
      tf.tensor(w, shape.length !== 2 ? shape : embedding ? [shape[0], 1] : [1, shape[1]]),
    )
    return models.map((t, m) => t.mul(weights[m]!)).reduce((sum, t) => sum.add(t))
  },
})
