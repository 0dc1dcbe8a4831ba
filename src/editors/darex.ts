// DAREx-q: DARE with a rescaling of 1/q, q above 1 - p: a smaller expected delta for less variance at extreme drop rates.
import { z } from 'zod'
import { keyedSelect } from '../tensor/index.js'
import { sparseBits } from './bits.js'
import { defineEditor } from './define.js'
import { scaleEntries } from './factors.js'

const options = z.strictObject({
  drop_rate: z.number().min(0).max(1).describe('Probability p that an entry is dropped.'),
  q: z
    .number()
    .refine((q) => q > 0, 'must be above 0')
    .describe('Kept entries are multiplied by 1/q; 1 - p is DARE, a search on validation loss finds more.'),
})

/** The paper's analytic q is not included: its authors search it in float16, where rounding decides the result. */
export const darex = defineEditor({
  name: 'darex',
  title: 'Drops entries at random and multiplies the rest by 1/q.',
  cite: 'Deng et al. 2024 (DAREx), arXiv 2410.09344',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0, q: 1 },
  stochastic: ({ drop_rate }) => drop_rate > 0 && drop_rate < 1,
  unbiased: ({ drop_rate, q }) => Math.abs(q - (1 - drop_rate)) < 1e-12,
  edit(delta, { options: { drop_rate, q }, key, offset, keep }) {
    if (keep)
      return scaleEntries(
        delta,
        Float32Array.from(keep, (one) => (one ? 1 / q : 0)),
        offset,
      )
    return keyedSelect(delta, key, { rate: drop_rate, dropped: 0, kept: 1 / q, offset })
  },
  *program({ drop_rate: rate, q }, { key }) {
    yield { stage: 'select', key, rate, dropped: 0, kept: 1 / q }
    return []
  },
  /** min(16n, n + 16 kept, kept (16 + ceil(log2 n))), as DARE. */
  bits: (_, { shape, kept }) => sparseBits(shape, kept),
})
