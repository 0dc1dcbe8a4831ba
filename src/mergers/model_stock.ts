// Model Stock: pulls the average of the models towards the base, by the angles between their deltas.
import { z } from 'zod'
import { type Combine, sumOf, type TensorProgram } from '../kernels/index.js'
import { countEntries, dot, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import type { Convention, ScanContext } from './merger.js'
import { mean, readValues, total } from './sum.js'

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

/** Mean cosine of the pairs of deltas. @param dots row i has the products of delta i with those up to itself */
function cosineOf(dots: readonly number[][], of: 'cosines' | 'angles', convention: Convention): number {
  // mergekit and MergeLM clamp |d1||d2| at 1e-6, which makes small deltas look orthogonal.
  const least = convention === 'paper' ? 0 : 1e-6
  const norms = dots.map((row, i) => Math.sqrt(row[i]!))
  const pairs = norms.flatMap((norm, i) =>
    norms.slice(i + 1).map((other, j) => dots[i + 1 + j]![i]! / (Math.max(least, norm * other) || 1)),
  )
  const average = (list: number[]): number => total(list) / list.length
  return of === 'cosines'
    ? average(pairs)
    : Math.cos(average(pairs.map((c) => Math.acos(Math.min(1, Math.max(-1, c))))))
}

const isOutside = (t: number): boolean => t < 0 || t > 1 + 1e-6

function warningsOf(ratios: ArrayLike<number>, singular: number, outside: number): string[] {
  const rows = ratios.length
  const out: string[] = []
  if (singular) out.push(`${singular} of ${rows} ratios are infinite (opposed deltas); the base is kept there`)
  if (outside)
    out.push(
      `t lies outside [0, 1] for ${outside} of ${rows} ratios${rows === 1 ? `: ${ratios[0]!.toPrecision(4)}` : ''}`,
    )
  return out
}

/** One ratio for the whole tensor, on kernels. */
function* pullMean(
  n: number,
  { options: { average_of }, convention, warn }: ScanContext<z.infer<typeof options>>,
): TensorProgram<Combine> {
  const models = Array.from({ length: n }, (_, i) => i)
  const pairs = models.flatMap((i) => models.slice(0, i + 1).map((j) => [i, j] as const))
  const sums = yield { reductions: pairs.map(([i, j]) => ({ sum: 'dot', of: i, with: j }) as const) }
  const dots: number[][] = models.map(() => [])
  for (const [at, [i, j]] of pairs.entries()) dots[i]![j] = sumOf(sums[at]!)
  const t = ratio(cosineOf(dots, average_of, convention), n)
  const factor = Math.fround(t ?? 0)
  for (const text of warningsOf([factor], t === null ? 1 : 0, t !== null && isOutside(t) ? 1 : 0)) warn(text)
  return { combine: 'sum', weights: models.map(() => 1 / n), factor }
}

/** The shape of the ratios: one for all, or one per row; mergekit's rows run along the last axis, which of a matrix are the same. */
function ratioShape(shape: readonly number[], filterWise: boolean, convention: Convention): number[] {
  if (!filterWise || shape.length < 2) return shape.map(() => 1)
  const axes = convention === 'mergekit' ? shape.length - 1 : 1
  return shape.map((side, i) => (i < axes ? side : 1))
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
  // mergekit takes the axes as they are stored.
  byRow: ({ filter_wise }, convention) => filter_wise && convention !== 'mergekit',
  async scanTensor({ models }, { options: { filter_wise, average_of }, convention, warn }) {
    const values = await Promise.all(models.map(readValues))
    const { size } = models[0]!
    const shape = ratioShape(models[0]!.shape, filter_wise, convention)
    const rows = countEntries(shape)
    const length = size / rows
    let [outside, singular] = [0, 0]
    const ratios = Float32Array.from({ length: rows }, (_, row) => {
      const along = (a: Float32Array, b: Float32Array): number => dot(a, b, { from: row * length, count: length })
      const dots = values.map((a, i) => values.slice(0, i + 1).map((b) => along(a, b)))
      const t = ratio(cosineOf(dots, average_of, convention), models.length)
      if (t === null) singular++
      else if (isOutside(t)) outside++
      return t ?? 0
    })
    for (const text of warningsOf(ratios, singular, outside)) warn(text)
    return { ratios, shape }
  },
  merge: ({ models }, { scanned }) => mean(models).mul(tf.tensor(scanned.ratios, scanned.shape)),
  program: (context) => (context.options.filter_wise ? null : pullMean(context.modelOptions.length, context)),
})
