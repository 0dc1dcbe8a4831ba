// EMR: elects one unified delta, and gives each task a mask of it and a factor.
import { z } from 'zod'
import { signs, signsOr, type Tensor, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'

const options = z.strictObject({
  task: z
    .int()
    .min(0)
    .default(0)
    .describe('Number of the model, from 1, whose mask and factor are applied; 0 gives the unified delta itself.'),
})

/** Sign of the mean (0 counts as -1) times the largest agreeing magnitude. */
function unify(deltas: Tensor[]): Tensor {
  const sign = signsOr(
    deltas.reduce((sum, t) => sum.add(t)),
    -1,
  )
  return deltas
    .map((t) => tf.relu(t.mul(sign)))
    .reduce((most, t) => tf.maximum(most, t))
    .mul(sign)
}

/** Entries that are scanned at a time. */
const RUN = 1 << 20
/** In float64. */
const sumMagnitudes = (values: Float32Array): number => values.reduce((sum, value) => sum + Math.abs(value), 0)

const maskOf = (delta: Tensor, unified: Tensor): Tensor => delta.mul(signs(unified)).step()

export const emr = defineMerger({
  name: 'emr',
  title: 'Elects a unified delta; masks and rescales it for one task.',
  cite: 'Huang et al. 2024, arXiv 2405.17461',
  options,
  ordered: true,
  check: ({ task }, models) =>
    task > models.length
      ? { path: ['options', 'task'], message: `task is ${task}, but there are ${models.length} models` }
      : undefined,
  needsModels: ({ task }) => task > 0,
  /** Factor of the task: Σ mean|delta| / Σ mean|mask × unified| over the tensors; small tensors count like large ones (the authors' code). */
  async scanModels(walk, { options: { task } }) {
    let [own, shared] = [0, 0]
    for await (const { models } of walk()) {
      const size = models[0]!.length || 1
      own += sumMagnitudes(models[task - 1]!) / size
      for (let from = 0; from < models[0]!.length; from += RUN) {
        const masked = tf.tidy(() => {
          const deltas = models.map((values) => tf.tensor1d(values.subarray(from, from + RUN)))
          const unified = unify(deltas)
          return unified.mul(maskOf(deltas[task - 1]!, unified))
        })
        shared += sumMagnitudes((await masked.data()) as Float32Array) / size
        masked.dispose()
      }
    }
    return shared ? own / shared : 1
  },
  merge({ models }, { options: { task }, scannedModels: factor }) {
    const unified = unify(models)
    return task === 0 ? unified : unified.mul(maskOf(models[task - 1]!, unified)).mul(factor!)
  },
})
