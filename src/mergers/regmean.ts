// RegMean: the linear weights whose outputs are closest, in least squares, to those of every model on its own inputs.
import { z } from 'zod'
import { countEntries, solve, type Tensor2D, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { mean, readValues } from './sum.js'

const options = z.strictObject({
  reduce_non_diagonal_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('Factor of the off-diagonal entries of the Gram matrices.'),
})

/** A tensor without Gram matrices (embedding, bias, norm) is averaged. */
export const regmean = defineMerger({
  name: 'regmean',
  title: "Merges linear layers by least squares on their inputs' Gram matrices; averages the rest.",
  cite: 'Jin et al. 2023, arXiv 2212.09849',
  options,
  reads: 'whole',
  workBytes: (shape, n) => 4 * (3 * n + 6) * countEntries(shape) + 4 * (3 * n + 6) * (shape[1] ?? 0) ** 2,
  conventions: ['paper', 'mergelm'],
  input: 'weights',
  data: 'gram',
  /** (Σ G)⁻¹ Σ G (W - mean)ᵀ: the deviation from the mean, so that rounding errors are relative to the deviation. */
  async scanTensor({ models, given }, { options: { reduce_non_diagonal_ratio: ratio }, warn }) {
    if (!given) {
      if (models[0]!.shape.length === 3)
        warn('a stack of matrices, such as fused experts, has no Gram matrices; it is averaged')
      return null
    }
    const [sum, right] = tf.tidy(() => {
      const average = mean(models)
      const shrunk = given.map((g) =>
        g.mul(
          tf
            .eye(g.shape[0])
            .mul(1 - ratio)
            .add(ratio),
        ),
      )
      const terms = shrunk.map((g, i) => tf.matMul(g as Tensor2D, models[i]!.sub(average).transpose() as Tensor2D))
      return [shrunk.reduce((all, g) => all.add(g)), terms.reduce((all, t) => all.add(t))]
    })
    const solution = await solve(await readValues(sum), await readValues(right), sum.shape[0])
    tf.dispose([sum, right])
    if (!solution) warn('the sum of the Gram matrices is singular; the tensor is averaged')
    return solution
  },
  merge({ models }, { scanned }) {
    const [rows, columns] = models[0]!.shape
    return scanned ? mean(models).add(tf.tensor2d(scanned, [columns!, rows]).transpose()) : mean(models)
  },
})
