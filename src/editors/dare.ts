// DARE: drops entries at random and rescales the rest so that the expected delta is unchanged; `k` generalises it.
import { z } from 'zod'
import { keyedSelect } from '../tensor/index.js'
import { denseBits, sparseBits } from './bits.js'
import type { Editor } from './editor.js'

const options = z
  .strictObject({
    drop_rate: z.number().min(0).max(1).describe('Probability p that an entry is dropped.'),
    k: z.number().default(0).describe('Factor of the dropped entries: 0 is DARE, 1 the identity, below 0 flips their sign.'),
    rescale: z.boolean().default(true)
      .describe('Multiply the kept entries by (1 - kp)/(1 - p); false leaves them as they are (drop-only).'),
  })
  .refine((o) => !o.rescale || o.drop_rate < 1, { message: 'must be below 1 when rescale is true', path: ['drop_rate'] })

type Options = z.infer<typeof options>

/** Factors of dropped and kept entries: M ⊙ Δ × k + (1 - M) ⊙ Δ × (1 - kp)/(1 - p), where M = 1 means dropped. */
export function dareFactors({ drop_rate: p, k, rescale }: Options): { dropped: number; kept: number } {
  return { dropped: k, kept: rescale ? (1 - k * p) / (1 - p) : 1 }
}

/** The mask depends on the key alone, not on p: what one rate drops, every higher rate drops too. */
export const dare: Editor<Options> = {
  name: 'dare',
  title: 'Drops entries at random and rescales the rest.',
  cite: 'Yu et al. 2024, arXiv 2311.03099; with k: Tang et al. 2024, arXiv 2410.13841, eq. 2 and section 4.2',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0 },
  stochastic: (o) => o.drop_rate > 0 && o.drop_rate < 1 && dareFactors(o).dropped !== dareFactors(o).kept,
  scope: 'element',
  unbiased: (o) => o.rescale,
  edit: (delta, { options, key, offset }) => keyedSelect(delta, key, { rate: options.drop_rate, ...dareFactors(options), offset }),
  /** Sparse when k = 0; a seed of 64 bits would replace the mask, but another reader could not check it. Dense otherwise. */
  bits: ({ k }, shape, kept) => (k === 0 ? sparseBits(shape, kept) : denseBits(shape)),
}
