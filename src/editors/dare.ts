// DARE: drops entries at random and rescales the rest so that the expected delta is unchanged; `k` generalises it.
import { z } from 'zod'
import { keyedFactors, keyedSelect } from '../tensor/index.js'
import { denseBits, sparseBits } from './bits.js'
import { defineEditor } from './define.js'
import { keepNorm, l1Factor, scaleEntries } from './factors.js'

const options = z
  .strictObject({
    drop_rate: z.number().min(0).max(1).describe('Probability p that an entry is dropped.'),
    k: z
      .number()
      .default(0)
      .describe('Factor of the dropped entries: 0 is DARE, 1 the identity, below 0 flips their sign.'),
    rescale: z
      .boolean()
      .default(true)
      .describe('Multiply the kept entries by (1 - kp)/(1 - p); false leaves them as they are (drop-only).'),
    convention: z
      .enum(['paper', 'mergelm', 'peft', 'mergekit'])
      .default('paper')
      .describe('Rescaling: mergekit restores the L1 norm of the tensor, the others multiply by 1/(1 - p).'),
  })
  .refine((o) => !o.rescale || o.drop_rate < 1 || o.convention === 'mergekit', {
    message: 'must be below 1 when rescale is true',
    path: ['drop_rate'],
  })
  .refine((o) => o.convention !== 'mergekit' || o.k === 0, {
    message: 'must be 0 in the convention of mergekit',
    path: ['k'],
  })

type Options = z.infer<typeof options>

/** Factors of dropped and kept entries: M ⊙ Δ × k + (1 - M) ⊙ Δ × (1 - kp)/(1 - p), where M = 1 means dropped. */
export function dareFactors({ drop_rate: p, k, rescale }: Pick<Options, 'drop_rate' | 'k' | 'rescale'>): {
  dropped: number
  kept: number
} {
  return { dropped: k, kept: rescale ? (1 - k * p) / (1 - p) : 1 }
}

/** The draws do not depend on p: an entry that is dropped at one rate is dropped at every higher rate. */
export const dare = defineEditor({
  name: 'dare',
  title: 'Drops entries at random and rescales the rest.',
  cite: 'Yu et al. 2024, arXiv 2311.03099; with k: Tang et al. 2024, arXiv 2410.13841, eq. 2 and section 4.2',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0 },
  stochastic: (o) => o.drop_rate > 0 && o.drop_rate < 1 && dareFactors(o).dropped !== dareFactors(o).kept,
  reads: 'tensor',
  unbiased: (o) => o.rescale && o.convention !== 'mergekit',
  needsScan: (o) => o.rescale && o.convention === 'mergekit',
  /** mergekit's factor of the kept entries. */
  scanTensor: (values, { drop_rate }, { key, keep }): number | undefined =>
    l1Factor(values, keep ?? keyedFactors(values.length, key, { rate: drop_rate, dropped: 0, kept: 1 })),
  edit(delta, { options, key, offset, keep, scanned }) {
    const { dropped, kept } = scanned === undefined ? dareFactors(options) : { dropped: 0, kept: scanned }
    if (keep)
      return scaleEntries(
        delta,
        Float32Array.from(keep, (one) => (one ? kept : dropped)),
        offset,
      )
    return keyedSelect(delta, key, { rate: options.drop_rate, dropped, kept, offset })
  },
  *program({ drop_rate: rate, convention, ...rest }, { key }) {
    if (!rest.rescale || convention !== 'mergekit') {
      yield { stage: 'select', key, rate, ...dareFactors({ drop_rate: rate, ...rest }) }
      return []
    }
    yield* keepNorm([{ stage: 'select', key, rate, dropped: 0, kept: 1 }])
    return []
  },
  /** Sparse when k = 0, else dense. A seed of 64 bits could replace the mask, but then another program could not check it. */
  bits: ({ k }, { shape, kept }) => (k === 0 ? sparseBits(shape, kept) : denseBits(shape)),
})
