// SLERP: spherical interpolation between the weights of two models, each tensor taken as one vector.
import { z } from 'zod'
import { dot } from '../tensor/index.js'
import { defineMerger } from './define.js'
import type { ScanContext } from './merger.js'
import { combineArc, weightedSum } from './sum.js'

const options = z.strictObject({
  t: z.number().describe('Place on the arc: 0 is the first model, 1 the second; beyond them it goes on.'),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.9995)
    .describe('Cosine above which (in magnitude) the interpolation is linear.'),
})

/** Weights of the two models, from a·b, a·a and b·b. */
function weightsOf(
  [ab, aa, bb]: readonly [number, number, number],
  { options: { t, threshold }, warn }: Pick<ScanContext<z.infer<typeof options>>, 'options' | 'warn'>,
): [number, number] {
  // Norms of 1e-8 or less are not divided by.
  const unit = (n: number): number => (n > 1e-8 ? n : 1)
  const cosine = ab / (unit(Math.sqrt(aa)) * unit(Math.sqrt(bb)))
  // Parallel or opposed models have no arc, whatever the threshold.
  if (Math.abs(cosine) > Math.min(threshold, 1 - 1e-14)) {
    warn(`linear branch: the cosine of the models is ${cosine.toPrecision(6)}, beyond ${threshold}`)
    return [1 - t, t]
  }
  const angle = Math.acos(cosine)
  return [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)]
}

export const slerp = defineMerger({
  name: 'slerp',
  title: 'Spherical interpolation between two models.',
  cite: 'Shoemake 1985, Animating rotation with quaternion curves; as in mergekit, arXiv 2403.13257',
  options,
  reads: 'tensor',
  conventions: ['paper', 'mergelm', 'mergekit'],
  input: 'weights',
  count: [2, 2],
  ordered: true,
  scanTensor: ([a, b], context) => weightsOf([dot(a!, b!), dot(a!, a!), dot(b!, b!)], context),
  merge: ({ models }, { scanned }) => weightedSum(models, scanned),
  program: (context) => combineArc((dots) => weightsOf(dots, context)),
})
