// MAGPRUNE, the drop step of DELLA: small entries are dropped more often than large ones, and every kept entry is divided by
// its own keep probability, so that the expected delta is unchanged.
import { z } from 'zod'
import { type EntriesProgram, LONGEST_ROW, type ProgramTensor, type Stage } from '../kernels/index.js'
import { uniforms } from '../tensor/index.js'
import { sparseBits } from './bits.js'
import { defineEditor } from './define.js'
import { groupsOf, keepNorm, l1Factor, orderByMagnitude, scaleEntries } from './factors.js'

const options = z
  .strictObject({
    drop_rate: z
      .number()
      .min(0)
      .max(1)
      .refine((p) => p < 1, 'must be below 1')
      .describe('Mean probability p that an entry is dropped.'),
    epsilon: z
      .number()
      .min(0)
      .max(1)
      .default(0.14)
      .describe(
        'Width of the window of probabilities, p - epsilon/2 to p + epsilon/2; twice the epsilon of mergekit; 0 is DARE.',
      ),
    granularity: z
      .enum(['row', 'tensor'])
      .default('row')
      .describe('Whether entries are ranked within their row or their tensor.'),
    by: z
      .enum(['rank', 'magnitude'])
      .default('rank')
      .describe('Probability linear in the rank of |delta|, or in |delta| itself.'),
    rescale: z
      .boolean()
      .default(true)
      .describe('Divide kept entries by their keep probability; false leaves them as they are.'),
    convention: z
      .enum(['paper', 'della', 'mergekit'])
      .default('paper')
      .describe(
        'The paper divides ranks by n, the code of della by n - 1; mergekit too, and it rescales to the L1 norm of the tensor.',
      ),
  })
  .refine((o) => o.epsilon === 0 || (o.drop_rate - o.epsilon / 2 > 0 && o.drop_rate + o.epsilon / 2 < 1), {
    message: 'must leave drop_rate - epsilon/2 and drop_rate + epsilon/2 inside (0, 1)',
    path: ['epsilon'],
  })

type Options = z.infer<typeof options>

/**
 * Probability that the entry of a rank among n is kept; ranks count from the smallest magnitude, 0. The paper counts r from the largest
 * and takes p - epsilon/2 + epsilon r/n for its drop probability. A group of one entry is kept with 1 - p.
 */
function probabilityOf(rank: number, n: number, { drop_rate, epsilon, convention }: Options): number {
  const place = n === 1 ? 0.5 : convention === 'paper' ? 1 - (n - 1 - rank) / n : rank / (n - 1)
  return 1 - drop_rate + epsilon * (place - 0.5)
}

/** Ranks within rows, on kernels. */
function* pruneRows(options: Options, { key, columns }: ProgramTensor): EntriesProgram<readonly string[]> {
  const own = options.rescale && options.convention !== 'mergekit'
  const limits = new Int32Array(columns)
  const factors = own ? new Float32Array(columns) : null
  for (let rank = 0; rank < columns; rank++) {
    const kept = probabilityOf(rank, columns, options)
    // A draw is m × 2^-24 with an integer m, so u >= 1 - p is m >= ceil((1 - p) × 2^24).
    limits[rank] = Math.ceil((1 - kept) * 2 ** 24)
    if (factors) factors[rank] = 1 / kept
  }
  const restores = options.rescale && !own
  const prune: Stage = { stage: 'prune', key, limits, factors }
  if (restores) yield* keepNorm([prune])
  else yield prune
  return []
}

/** Probability that each entry is kept. Equal magnitudes rank by index; a group of one entry is kept with 1 - p. */
export function keepProbabilities(values: Float32Array, shape: readonly number[], options: Options): Float64Array {
  const { drop_rate, epsilon, granularity, by } = options
  const out = new Float64Array(values.length)
  for (const [begin, end] of groupsOf(shape, granularity)) {
    const n = end - begin
    const magnitudes = values.subarray(begin, end).map(Math.abs)
    if (by === 'magnitude') {
      let [least, most] = [Infinity, 0]
      for (const value of magnitudes) [least, most] = [Math.min(least, value), Math.max(most, value)]
      for (let i = 0; i < n; i++)
        out[begin + i] = 1 - drop_rate + epsilon * ((magnitudes[i]! - least) / (most - least + 1e-7) - 0.5)
      continue
    }
    const order = orderByMagnitude(magnitudes)
    for (let rank = 0; rank < n; rank++) out[begin + order[rank]!] = probabilityOf(rank, n, options)
  }
  return out
}

export const magprune = defineEditor({
  name: 'magprune',
  title: 'Drops small entries more often than large ones and divides the rest by their keep probability.',
  cite: 'Deep, Bhardwaj, Poria 2024 (DELLA), arXiv 2406.11617, section 2.2',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0, epsilon: 0 },
  stochastic: ({ drop_rate }) => drop_rate > 0,
  reads: 'tensor',
  // mergekit ranks along the last axis as it is stored.
  byRow: ({ granularity, convention }) => granularity === 'row' && convention !== 'mergekit',
  unbiased: ({ rescale, convention }) => rescale && convention !== 'mergekit',
  /** The factor of every entry. A smaller uniform draw drops more, as in DARE, so masks nest across rates. */
  scanTensor(values, options, { shape, key, keep }) {
    const probabilities = keepProbabilities(values, shape, options)
    const draws = keep ?? uniforms(values.length, key)
    const kept = (i: number) => (keep ? Boolean(keep[i]) : draws[i]! >= 1 - probabilities[i]!)
    const own = options.rescale && options.convention !== 'mergekit'
    const factors = Float32Array.from(probabilities, (p, i) => (kept(i) ? (own ? 1 / p : 1) : 0))
    if (!options.rescale || own) return factors
    const scale = l1Factor(values, factors)
    return factors.map((factor) => factor * scale)
  },
  edit: (delta, { scanned, offset }) => scaleEntries(delta, scanned, offset),
  program: (options, tensor) =>
    options.granularity === 'row' && options.by === 'rank' && tensor.columns <= LONGEST_ROW
      ? pruneRows(options, tensor)
      : null,
  /** min(16n, n + 16 kept, kept (16 + ceil(log2 n))); the kept values are stored rescaled. */
  bits: (_, { shape, kept }) => sparseBits(shape, kept),
})
