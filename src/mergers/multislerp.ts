// Multi-SLERP: the weighted mean of several models on a sphere, by one step in the tangent space at their mean; with a base, of deltas.
import { z } from 'zod'
import { defineMerger } from './define.js'
import type { ScanContext } from './merger.js'
import { addUp, combinedDot, combinedLength, combineSphere, crossProducts, type Gram } from './on_sphere.js'
import { total, type Weighted, weighted, weightedSum } from './sum.js'

const options = z.strictObject({
  normalize_weights: z.boolean().default(true).describe('Divide the weights by their sum.'),
  eps: z
    .number()
    .default(1e-8)
    .describe('Is added to norms, and the length below which the weighted mean has no direction.'),
})
type Context = Pick<ScanContext<z.infer<typeof options>, Weighted>, 'options' | 'modelOptions' | 'warn'>

function factorsOf(gram: Gram, { options: { normalize_weights, eps }, modelOptions, warn }: Context): number[] {
  const n = gram.length
  if (n === 1) return [1]
  const given = modelOptions.map(({ weight }) => weight)
  const weights = normalize_weights ? given.map((weight) => weight / total(given)) : given
  const norms = gram.map((row, i) => Math.sqrt(row[i]!))
  const units = norms.map((norm, i) => norms.map((_, j) => (i === j && norm ? 1 / (norm + eps) : 0)))
  if (!total(norms)) return norms.map(() => 0)
  const weighed = (sums: readonly number[][]) =>
    addUp(
      sums.map((sum, i) => [weights[i]!, sum]),
      n,
    )
  const middle = weighed(units)
  const length = combinedLength(gram, middle)
  if (length < eps) {
    warn('linear branch: the weighted sum of the models is 0 and has no direction')
    return weights
  }
  const mean = addUp([[1 / length, middle]], n)
  const tangent = weighed(
    units.map((unit) =>
      addUp(
        [
          [1, unit],
          [-combinedDot(gram, unit, mean), mean],
        ],
        n,
      ),
    ),
  )
  const angle = combinedLength(gram, tangent) + eps
  const size = norms.reduce((sum, norm, i) => sum + norm * weights[i]!, 0)
  return addUp(
    [
      [size * Math.cos(angle), mean],
      [(size * Math.sin(angle)) / angle, tangent],
    ],
    n,
  )
}

export const multislerp = defineMerger({
  name: 'multislerp',
  title: 'Spherical interpolation of several models or of their deltas, by weights.',
  cite: 'Goddard 2025, goddard.blog/posts/multislerp-wow-what-a-cool-idea; as in mergekit',
  options,
  modelOptions: weighted,
  reads: 'tensor',
  conventions: ['paper', 'mergekit'],
  input: 'either',
  check: ({ normalize_weights }, models) =>
    normalize_weights && models.length > 1 && total(models.map(({ weight }) => weight)) === 0
      ? { path: ['models', 0, 'weight'], message: 'the weights sum to 0 and cannot be normalised' }
      : undefined,
  scanTensor: (models, context) => factorsOf(crossProducts(models), context),
  merge: ({ models }, { scanned }) => weightedSum(models, scanned),
  program: (context) => combineSphere(context.modelOptions.length, (gram) => factorsOf(gram, context)),
})
