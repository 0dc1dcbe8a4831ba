// Task arithmetic: the base plus λ times the (weighted) sum of the deltas; a negative weight unlearns.
import { z } from 'zod'
import { defineMerger } from './define.js'
import { combineSum, total, type Weighted, weighted, weightedSum } from './sum.js'

const options = z.strictObject({
  lambda: z.number().default(1).describe('Factor of the merged delta.'),
  normalize: z
    .boolean()
    .default(false)
    .describe('Divide by the sum of the weights (by 1 when it is below 1e-8 in magnitude).'),
})

function weightsOf(models: readonly Weighted[], { lambda, normalize }: z.infer<typeof options>): number[] {
  const sum = total(models.map(({ weight }) => weight))
  const factor = normalize && Math.abs(sum) >= 1e-8 ? lambda / sum : lambda
  return models.map(({ weight }) => weight * factor)
}

export const taskArithmetic = defineMerger({
  name: 'task_arithmetic',
  title: 'Adds the deltas, times lambda, to the base.',
  cite: 'Ilharco et al. 2023, arXiv 2212.04089',
  options,
  modelOptions: weighted,
  conventions: ['paper', 'mergelm', 'peft', 'mergekit'],
  merge: ({ models }, { options: own, modelOptions }) => weightedSum(models, weightsOf(modelOptions, own)),
  program: ({ options: own, modelOptions }) => combineSum(weightsOf(modelOptions, own)),
})
