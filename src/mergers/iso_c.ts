// Iso-C: the sum of the deltas with a flat spectrum, every singular value replaced by their mean.
import { z } from 'zod'
import { countEntries, svd, svdBytes, type Tensor2D, tf, truncated } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { mean } from './sum.js'

const options = z.strictObject({ alpha: z.number().default(1).describe('Factor of the merged delta.') })

/** Vectors are averaged. */
export const isoC = defineMerger({
  name: 'iso_c',
  title: 'Sums the deltas and makes all singular values equal to their mean.',
  cite: 'Marczak et al. 2025, arXiv 2502.04959',
  options,
  reads: 'whole',
  workBytes: (shape) => (shape.length === 2 ? svdBytes(shape) : 0) + 24 * countEntries(shape),
  perMatrix: () => true,
  async scanTensor({ models }) {
    if (models[0]!.shape.length !== 2) return null
    const sum = tf.tidy(() => models.reduce((all, t) => all.add(t)) as Tensor2D)
    const factors = await svd(sum)
    const average = factors.s.reduce((all, s) => all + s, 0) / factors.s.length
    const flat = truncated({ ...factors, s: factors.s.map(() => average) }, factors.s.length)
    const out = (await flat.data()) as Float32Array
    tf.dispose([sum, flat])
    return out
  },
  merge: ({ models }, { options: { alpha }, scanned }) =>
    (scanned ? tf.tensor(scanned, models[0]!.shape) : mean(models)).mul(alpha),
})
