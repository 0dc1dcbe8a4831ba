// Average of the weights themselves: model soups, and mergekit's `linear`.
import { z } from 'zod'
import { defineMerger } from './define.js'
import { combineSum, total, type Weighted, weighted, weightedSum } from './sum.js'

const options = z.strictObject({ normalize: z.boolean().default(true).describe('Divide the weights by their sum.') })

function weightsOf(models: readonly Weighted[], normalize: boolean): number[] {
  const sum = normalize ? total(models.map(({ weight }) => weight)) : 1
  return models.map(({ weight }) => weight / sum)
}

export const average = defineMerger({
  name: 'average',
  title: 'Average of the weights, plain or weighted.',
  cite: 'Wortsman et al. 2022 (Model Soups), arXiv 2203.05482',
  options,
  modelOptions: weighted,
  conventions: ['paper', 'mergelm', 'mergekit'],
  input: 'weights',
  check: ({ normalize }, models) =>
    normalize && total(models.map((m) => m.weight)) === 0
      ? { path: ['models', 0, 'weight'], message: 'the weights sum to 0 and cannot be normalised' }
      : undefined,
  merge: ({ models }, { options: { normalize }, modelOptions }) =>
    weightedSum(models, weightsOf(modelOptions, normalize)),
  program: ({ options: { normalize }, modelOptions }) => combineSum(weightsOf(modelOptions, normalize)),
})
