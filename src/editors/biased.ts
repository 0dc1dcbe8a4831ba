// Biased: extended DARE with a mask by sign in place of the random one, to test whether randomness is what preserves the loss.
import { z } from 'zod'
import { denseBits } from './bits.js'
import { dareFactors } from './dare.js'
import { defineEditor } from './define.js'

const options = z.strictObject({
  by: z
    .enum(['delta', 'product'])
    .default('delta')
    .describe('Whose negative entries take k: the delta, or delta × gradient of the loss.'),
  k: z.number().describe('Factor of the entries chosen; the others take (1 - kp)/(1 - p).'),
  drop_rate: z
    .number()
    .min(0)
    .max(1)
    .refine((p) => p < 1, 'must be below 1')
    .default(0.5)
    .describe('p of the factor; the paper does not give it, .5 is the usual share of negatives.'),
})

export const biased = defineEditor({
  name: 'biased',
  title: 'Scales entries by the sign of the delta, or of delta × gradient.',
  cite: 'Tang et al. 2024, arXiv 2410.13841, Table 1',
  options,
  axis: 'k',
  neutral: { k: 1 },
  needsGradient: ({ by }) => by === 'product',
  edit(delta, { options, gradient }) {
    const { dropped, kept } = dareFactors({ ...options, rescale: true })
    if (options.by === 'delta') return delta.relu().mul(kept).add(delta.minimum(0).mul(dropped))
    if (!gradient) throw new Error('biased by product needs the gradient of the loss')
    const chosen = delta.mul(delta.mul(gradient).less(0).cast('float32'))
    return chosen.mul(dropped).add(delta.sub(chosen).mul(kept))
  },
  /** Dense, 16n. */
  bits: (_, { shape }) => denseBits(shape),
})
