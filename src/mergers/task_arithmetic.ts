// Task arithmetic: the base plus λ times the (weighted) sum of the deltas; a negative weight unlearns.
import { z } from 'zod'
import { defineMerger } from './define.js'
import { total, weighted, weightedSum } from './sum.js'

const options = z.strictObject({
  lambda: z.number().default(1).describe('Factor of the merged delta.'),
  normalize: z
    .boolean()
    .default(false)
    .describe('Divide by the sum of the weights (by 1 when it is below 1e-8 in magnitude).'),
})

export const taskArithmetic = defineMerger({
  name: 'task_arithmetic',
  title: 'Adds the deltas, times lambda, to the base.',
  cite: 'Ilharco et al. 2023, arXiv 2212.04089',
  options,
  modelOptions: weighted,
  conventions: ['paper', 'mergelm', 'peft', 'mergekit'],
  merge({ models }, { options: { lambda, normalize }, modelOptions: m }) {
    const sum = total(m.map(({ weight }) => weight))
    const factor = normalize && Math.abs(sum) >= 1e-8 ? lambda / sum : lambda
    return weightedSum(
      models,
      m.map(({ weight }) => weight * factor),
    )
  },
})
