// Model Stock: pulls the average of the models towards the base, by the angles between their deltas.
import { z } from 'zod'
import { countEntries, dot, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { mean, readValues } from './sum.js'

const options = z.strictObject({
  filter_wise: z.boolean().default(false).describe('One ratio per row of a matrix instead of one per tensor.'),
  average_of: z
    .enum(['cosines', 'angles'])
    .default('cosines')
    .describe('What is averaged over the pairs of models; fusion_bench averages angles.'),
})

/** N cos / (1 + (N - 1) cos), not clamped; null where N opposed deltas make it infinite. */
const ratio = (cosine: number, n: number): number | null => {
  const divisor = 1 + (n - 1) * cosine
  return Math.abs(divisor) < 1e-6 ? null : (n * cosine) / divisor
}

export const modelStock = defineMerger({
  name: 'model_stock',
  title: 'Interpolates between the base and the average of the models by the angles between their deltas.',
  cite: 'Jang et al. 2024, arXiv 2403.19522',
  options,
  reads: 'whole',
  workBytes: (shape, n) => 4 * (n + 2) * countEntries(shape) + 1024,
  conventions: ['paper', 'mergelm', 'mergekit'],
  count: [2, Infinity],
  // For the tools, each stored tensor is one layer.
  perMatrix: (convention) => convention === 'paper',
  async scanTensor({ models }, { options: { filter_wise, average_of }, convention, warn }) {
    const values = await Promise.all(models.map(readValues))
    const { shape, size } = models[0]!
    const rows = filter_wise && shape.length > 1 ? shape[0] : 1
    const length = size / rows
    // mergekit and MergeLM clamp |d1||d2| at 1e-6, which makes small deltas look orthogonal.
    const least = convention === 'paper' ? 0 : 1e-6
    let [outside, singular] = [0, 0]
    const ratios = Float32Array.from({ length: rows }, (_, row) => {
      const along = (a: Float32Array, b: Float32Array): number => dot(a, b, { from: row * length, count: length })
      const norms = values.map((v) => Math.sqrt(along(v, v)))
      const pairs = values.flatMap((a, i) =>
        values.slice(i + 1).map((b, j) => along(a, b) / (Math.max(least, norms[i]! * norms[i + 1 + j]!) || 1)),
      )
      const average = (list: number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length
      const cosine =
        average_of === 'cosines'
          ? average(pairs)
          : Math.cos(average(pairs.map((c) => Math.acos(Math.min(1, Math.max(-1, c))))))
      const t = ratio(cosine, models.length)
      if (t === null) singular++
      else if (t < 0 || t > 1 + 1e-6) outside++
      return t ?? 0
    })
    if (singular) warn(`${singular} of ${rows} ratios are infinite (opposed deltas); the base is kept there`)
    if (outside)
      warn(
        `t lies outside [0, 1] for ${outside} of ${rows} ratios${rows === 1 ? `: ${ratios[0]!.toPrecision(4)}` : ''}`,
      )
    return ratios
  },
  merge: ({ models }, { scanned }) =>
    mean(models).mul(
      tf.tensor(
        scanned,
        scanned.length === 1 ? models[0]!.shape.map(() => 1) : models[0]!.shape.map((side, i) => (i ? 1 : side)),
      ),
    ),
})
