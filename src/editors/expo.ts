// ExPO: extrapolates from the base through the post-trained weights; a negative alpha interpolates back towards the base.
import { z } from 'zod'
import { denseBits } from './bits.js'
import { defineEditor } from './define.js'

const options = z.strictObject({
  alpha: z.number().describe('F(Δ) = (1 + alpha) Δ: 0 is the post-trained model, -1 the base, above 0 extrapolates.'),
})

export const expo = defineEditor({
  name: 'expo',
  title: 'Scales the delta by 1 + alpha.',
  cite: 'Zheng et al. 2024, arXiv 2404.16792; Tang et al. 2024, arXiv 2410.13841, eq. 13',
  options,
  axis: 'alpha',
  neutral: { alpha: 0 },
  edit: (delta, { options }) => delta.mul(1 + options.alpha),
  *program({ alpha }) {
    yield { stage: 'scale', factor: 1 + alpha }
    return []
  },
  /** Dense, 16n: scaling saves no storage. */
  bits: (_, { shape }) => denseBits(shape),
})
