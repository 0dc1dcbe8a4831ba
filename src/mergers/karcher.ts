// Karcher mean: the point on the sphere with the least squared angles to the models, times the mean of their norms.
import { z } from 'zod'
import { defineMerger } from './define.js'
import type { ScanContext } from './merger.js'
import { addUp, combinedDot, combinedLength, combineSphere, crossProducts, type Gram } from './on_sphere.js'
import { weightedSum } from './sum.js'

const options = z.strictObject({
  max_iter: z.int().min(0).default(10).describe('Most steps in the tangent space.'),
  tol: z.number().min(0).default(1e-5).describe('Length below which a vector or a step counts as none.'),
})

/** Up to rounding, which an angle near π has the root of. */
const OPPOSED = 1e-6
type Context = Pick<ScanContext<z.infer<typeof options>>, 'options' | 'warn'>

/** One step in the tangent space; null where it is shorter than `tol`. A model opposite to the mean pulls it nowhere: no arc is the shortest. */
function step(gram: Gram, mean: number[], units: readonly number[][], tol: number): number[] | null {
  const n = gram.length
  const terms = units.flatMap((unit): [number, number[]][] => {
    const cosine = Math.min(1, Math.max(-1, combinedDot(gram, mean, unit)))
    const angle = Math.acos(cosine)
    if (angle < tol || Math.PI - angle < OPPOSED) return []
    const factor = angle / Math.sin(angle) / units.length
    return [
      [factor, unit],
      [-factor * cosine, mean],
    ]
  })
  const tangent = addUp(terms, n)
  const length = combinedLength(gram, tangent)
  if (length < tol) return null
  const moved = addUp(
    [
      [Math.cos(length), mean],
      [Math.sin(length) / length, tangent],
    ],
    n,
  )
  const norm = combinedLength(gram, moved)
  return norm > tol ? addUp([[1 / norm, moved]], n) : moved
}

function factorsOf(gram: Gram, { options: { max_iter, tol }, warn }: Context): number[] {
  const n = gram.length
  if (n === 1) return [1]
  const norms = gram.map((row, i) => Math.sqrt(row[i]!))
  const units = norms.flatMap((norm, i) => (norm > tol ? [norms.map((_, j) => (i === j ? 1 / norm : 0))] : []))
  if (!units.length) return norms.map(() => 0)
  const sum = addUp(
    units.map((unit) => [1 / units.length, unit]),
    n,
  )
  const length = combinedLength(gram, sum)
  if (length < tol) warn('the models point in opposed directions: the mean starts at the first one')
  let mean = length < tol ? units[0]! : addUp([[1 / length, sum]], n)
  for (let i = 0; i < max_iter; i++) {
    const next = step(gram, mean, units, tol)
    if (!next) break
    mean = next
  }
  return addUp([[norms.reduce((all, norm) => all + norm / n, 0), mean]], n)
}

export const karcher = defineMerger({
  name: 'karcher',
  title: 'The mean of the models on the sphere, of the mean length, each tensor taken as one vector.',
  cite: 'Karcher 1977; as in mergekit, arXiv 2603.04972',
  options,
  reads: 'tensor',
  conventions: ['paper', 'mergekit'],
  input: 'weights',
  scanTensor: (models, context) => factorsOf(crossProducts(models), context),
  merge: ({ models }, { scanned }) => weightedSum(models, scanned),
  program: (context) => combineSphere(context.modelOptions.length, (gram) => factorsOf(gram, context)),
})
