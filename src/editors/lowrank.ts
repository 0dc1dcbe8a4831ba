// Low rank: the leading singular triplets of a delta (the best approximation of its rank), as in Twin-Merging.
import { z } from 'zod'
import { countEntries, sharedRank, svd, svdBytes, truncated } from '../tensor/index.js'
import { denseBits } from './bits.js'
import { defineEditor } from './define.js'

const options = z
  .strictObject({
    rank: z.int().min(1).optional().describe('Singular triplets kept; a smaller matrix keeps all of its own.'),
    fraction: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('Kept ranks as a fraction of min(rows, columns), truncated; 0 gives zeros.'),
    energy: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('Smallest rank whose squared singular values reach this fraction of their sum.'),
  })
  .refine((o) => [o.rank, o.fraction, o.energy].filter((x) => x !== undefined).length === 1, {
    message: 'exactly one of rank, fraction and energy is wanted',
  })

type Options = z.infer<typeof options>

/** The rank that the options ask for; `energy` needs the singular values. */
export function rankOf(
  { rank, fraction, energy }: Options,
  shape: readonly number[],
  s: ArrayLike<number> = [],
): number {
  const full = Math.min(...shape)
  if (rank !== undefined) return Math.min(rank, full)
  if (fraction !== undefined) return Math.trunc(fraction * full)
  const squares = Array.from(s, (value) => value * value)
  const wanted = energy! * squares.reduce((sum, value) => sum + value, 0)
  let r = 0
  for (let sum = 0; r < squares.length && sum < wanted; r++) sum += squares[r]!
  return r
}

/** Rank to compute; undefined for all. */
const computedRank = (options: Options, shape: readonly number[]): number | undefined =>
  options.energy === undefined ? sharedRank(shape, rankOf(options, shape)) : undefined

/** Vectors, and matrices that keep their full rank, stay unchanged bit for bit. */
export const lowrank = defineEditor({
  name: 'lowrank',
  title: 'Keeps the leading singular triplets of a matrix.',
  cite: 'Lu et al. 2024 (Twin-Merging), arXiv 2406.15479; Tang et al. 2024, arXiv 2410.13841, eq. 10',
  options,
  axis: 'rank',
  neutral: { fraction: 1 },
  reads: 'matrix',
  factorise: (delta, options) => svd(delta, { rank: computedRank(options, delta.shape) }),
  workBytes: (options, shape) => svdBytes(shape, computedRank(options, shape)) + 8 * countEntries(shape),
  factorKey: (options, shape) => String(computedRank(options, shape) ?? 'all'),
  edit(delta, { options, factors }) {
    const rank = rankOf(options, delta.shape, factors.s)
    return rank === Math.min(...delta.shape) ? delta.clone() : truncated(factors, rank)
  },
  warnings: (options, { shape }) =>
    options.energy === undefined && rankOf(options, shape) === 0 ? ['keeps nothing: the rank rounds to 0'] : [],
  /** 16 r (m + n) for the two factors, the singular values multiplied in; never more than dense. */
  bits(options, { shape, factors }) {
    if (shape.length !== 2 || (options.energy !== undefined && !factors)) return denseBits(shape)
    return Math.min(denseBits(shape), 16 * rankOf(options, shape, factors?.s) * (shape[0]! + shape[1]!))
  },
})
