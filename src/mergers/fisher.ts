// Fisher merging: every entry is an average of the weights, weighed by the diagonal of each model's Fisher information.
import { z } from 'zod'
import { countEntries, dot } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { mean, total, weighted } from './sum.js'

const options = z.strictObject({
  normalize: z.boolean().default(true).describe("Divide each model's Fisher information by its norm over all tensors."),
  least: z.number().min(0).default(1e-6).describe('Added to every entry of the Fisher information, so that none is 0.'),
})

export const fisher = defineMerger({
  name: 'fisher',
  title: 'Averages the weights entry by entry, weighed by diagonal Fisher information.',
  cite: 'Matena and Raffel 2022, arXiv 2111.09832; normalisation: Yu et al. 2024 (MergeLM), arXiv 2311.03099',
  options,
  reads: 'whole',
  workBytes: (shape, n) => 24 * n * countEntries(shape),
  modelOptions: weighted,
  conventions: ['paper', 'mergelm'],
  input: 'weights',
  data: 'fisher',
  needsModels: ({ normalize }) => normalize,
  /** Factor of each model. */
  async scanModels(walk, { modelOptions }) {
    const squares = modelOptions.map(() => 0)
    for await (const { given } of walk()) given?.forEach((f, i) => (squares[i]! += dot(f, f)))
    const inverses = squares.map((square) => 1 / (Math.sqrt(square) + 1e-6))
    return inverses.map((inverse, i) => (modelOptions[i]!.weight * inverse) / total(inverses))
  },
  merge({ models, given }, { options: { least }, modelOptions: m, scannedModels }) {
    if (!given) return mean(models)
    const factors = scannedModels ?? m.map(({ weight }) => weight)
    const shares = given.map((f, i) => f.add(least).mul(factors[i]!))
    const sum = shares.reduce((all, t) => all.add(t))
    return models.map((w, i) => w.mul(shares[i]!.div(sum))).reduce((all, t) => all.add(t))
  },
})
