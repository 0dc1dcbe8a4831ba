// Twin-Merging: shared knowledge is a merged delta; what each model has beyond it, compressed to low rank, is added back by gates.
import { z } from 'zod'
import { countEntries, svd, svdBytes, type Tensor2D, tf, truncated } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { weight, weightedSum } from './sum.js'

const options = z.strictObject({
  lambda: z.number().default(0.3).describe('Factor of the summed deltas: the shared model.'),
  fraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Ranks kept of each exclusive part, as a fraction of min(rows, columns), truncated.'),
  gates: z
    .enum(['fixed', 'routed'])
    .default('fixed')
    .describe(
      'Whether the gates are those given (`gate`), or those of a router for every item (in a sweep, which trains it).',
    ),
})
const modelOptions = z.strictObject({
  weight,
  gate: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Share of the model's exclusive part: what a router gives for an input, fixed here (`deltalab route` finds it).",
    ),
})

/** Exclusive parts of vectors are kept whole. Scanned: the compressed exclusive part of each model with a gate. */
export const twin = defineMerger({
  name: 'twin',
  title: 'Adds gated low-rank exclusive parts of the models to their shared merge.',
  cite: 'Lu et al. 2024 (Twin-Merging), arXiv 2406.15479',
  options,
  modelOptions,
  reads: 'whole',
  workBytes: (shape, n) => (shape.length === 2 ? svdBytes(shape) : 0) + 4 * (5 * n + 2) * countEntries(shape),
  perMatrix: () => true,
  gating: {
    routed: ({ gates }) => gates === 'routed',
    fix: (options, all, gates) => ({
      options: { ...options, gates: 'fixed' as const },
      modelOptions: all.map((own, i) => ({ ...own, gate: gates[i]! })),
    }),
  },
  check({ gates }, models) {
    const given = models.findIndex(({ gate }) => gate !== 0)
    return gates === 'routed' && given >= 0
      ? {
          path: ['models', given, 'gate'],
          message: 'with gates: routed the router gives the gates: leave out either `gate` or `gates: routed`',
        }
      : undefined
  },
  async scanTensor({ models }, { options: { lambda, fraction }, modelOptions: m, warn }) {
    if (models[0]!.shape.length !== 2) return models.map(() => null)
    const rank = Math.trunc(fraction * Math.min(...models[0]!.shape))
    if (rank === 0 && m.some(({ gate }) => gate > 0))
      warn('the rank of the exclusive parts rounds to 0; only the shared model is left')
    const parts: (Float32Array | null)[] = []
    for (const [i, delta] of models.entries()) {
      if (m[i]!.gate === 0 || rank === 0) {
        parts.push(new Float32Array(delta.size))
        continue
      }
      const exclusive = tf.tidy(
        () =>
          delta.sub(
            weightedSum(
              models,
              m.map(({ weight }) => weight * lambda),
            ),
          ) as Tensor2D,
      )
      const part = truncated(await svd(exclusive, { rank }), rank)
      parts.push((await part.data()) as Float32Array)
      tf.dispose([exclusive, part])
    }
    return parts
  },
  merge({ models }, { options: { lambda }, modelOptions: m, scanned }) {
    const shared = weightedSum(
      models,
      m.map(({ weight }) => weight * lambda),
    )
    const parts = models.map((delta, i) => (scanned[i] ? tf.tensor(scanned[i], delta.shape) : delta.sub(shared)))
    return shared.add(
      weightedSum(
        parts,
        m.map(({ gate }) => gate),
      ),
    )
  },
})
