// NearSwap: takes the entries of another model that are within t of the base, and moves the others by t towards it.
import { z } from 'zod'
import { tf } from '../tensor/index.js'
import { defineMerger } from './define.js'

const options = z.strictObject({
  t: z.number().describe('Largest change of an entry: the share min(1, t/|delta|) of the delta is added.'),
})

export const nearswap = defineMerger({
  name: 'nearswap',
  title: 'Takes the entries of another model that are within t of the base, and a step of t towards the rest.',
  cite: 'Goddard et al. 2024 (mergekit), arXiv 2403.13257',
  options,
  conventions: ['paper', 'mergekit'],
  count: [1, 1],
  /** mergekit divides by |delta| of at least 1e-6. */
  merge: ({ models: [delta] }, { options: { t }, convention }) =>
    convention === 'paper'
      ? delta!.clipByValue(-Math.max(0, t), Math.max(0, t))
      : delta!.mul(tf.div(t, delta!.abs().maximum(1e-6)).clipByValue(0, 1)),
})
