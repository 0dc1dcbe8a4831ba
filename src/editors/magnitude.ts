// Magnitude pruning: keeps the largest entries of a delta (the trim step of TIES), per tensor.
import { z } from 'zod'
import { keepLargest, largest, type Largest } from '../tensor/index.js'
import { sparseBits } from './bits.js'
import type { Editor } from './editor.js'

const options = z
  .strictObject({
    drop_rate: z.number().min(0).max(1).describe('Fraction p of the entries, smallest first, that is dropped.'),
    rescale: z.boolean().default(false).describe('Multiply the kept entries by 1/(1 - p); harmful (MergeLM), kept for comparison.'),
  })
  .refine((o) => !o.rescale || o.drop_rate < 1, { message: 'must be below 1 when rescale is true', path: ['drop_rate'] })

type Options = z.infer<typeof options>

/** trunc((1 - p) n), as peft and mergekit count; the density is rounded to 12 digits first, so that p = .9 keeps 100 of 1000. */
export const keptCount = (n: number, p: number) => Math.trunc(Number((1 - p).toPrecision(12)) * n)

export const magnitude: Editor<Options, Largest> = {
  name: 'magnitude',
  title: 'Keeps the entries of largest magnitude.',
  cite: 'Yadav et al. 2023 (TIES, trim), arXiv 2306.01708; as a baseline: Yu et al. 2024, arXiv 2311.03099',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0 },
  stochastic: () => false,
  scope: 'element',
  survey: (values, { drop_rate }) => largest(values, keptCount(values.length, drop_rate)),
  edit: (delta, { options: { drop_rate, rescale }, facts, offset }) =>
    keepLargest(delta, facts, { offset, scale: rescale ? 1 / (1 - drop_rate) : 1 }),
  /** min(16n, n + 16 kept, kept (16 + ceil(log2 n))): dense, bitmask and values, or values with indices. */
  bits: (_, shape, kept) => sparseBits(shape, kept),
}
