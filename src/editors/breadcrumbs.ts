// Breadcrumbs: keeps a band of magnitudes, without the largest outliers and without the small rest.
import { z } from 'zod'
import { type EntriesProgram, findLargest, LONGEST_ROW, type Stage } from '../kernels/index.js'
import { shareOf } from '../tensor/index.js'
import { sparseBits } from './bits.js'
import { defineEditor } from './define.js'
import { groupsOf, keepNorm, l1Factor, markLargest, scaleEntries, zeroShare } from './factors.js'

const options = z.strictObject({
  drop_rate: z
    .number()
    .min(0)
    .max(1)
    .describe('1 - beta: all but this fraction of a row (in mergekit: of the tensor) is kept.'),
  gamma: z.number().min(0).max(1).default(0.01).describe('Fraction of largest entries that is dropped as outliers.'),
  rescale: z.boolean().default(false).describe('Multiply the kept entries so that the tensor keeps its L1 norm.'),
  convention: z
    .enum(['paper', 'mergelm', 'mergekit', 'mergekit-0.1.4'])
    .default('paper')
    .describe(
      'The paper works by row; mergelm by tensor, one small entry more; mergekit by tensor, fewer outliers if they leave too few; 0.1.4 of it zeroes a tensor without.',
    ),
})

type Options = z.infer<typeof options>

/** How many of n entries are dropped from the top, and how many are kept below them. */
export function bandOf(n: number, { drop_rate, gamma, convention }: Options): { top: number; kept: number } {
  const wanted = shareOf(n, 1 - drop_rate)
  const top = Math.trunc(gamma * n)
  if (convention === 'paper') return { top, kept: Math.min(wanted, n - top) }
  // MergeLLM drops the trunc(n (drop_rate - gamma)) smallest, but keeps the largest of them.
  const low = Math.trunc(n * Number((drop_rate - gamma).toPrecision(12)))
  const all = Math.trunc(n * drop_rate)
  if (convention === 'mergelm')
    return { top: Math.max(0, all - low), kept: n - Math.max(0, all - low) - Math.max(0, low - 1) }
  if (drop_rate === 0) return { top: 0, kept: n }
  const left = Math.min(top, n - wanted)
  // 0.1.4 slices [bottom : -top] of the ascending magnitudes, which is empty when top is 0.
  return { top: left, kept: convention === 'mergekit-0.1.4' && left === 0 ? 0 : wanted }
}

const NOTHING = 'keeps nothing: its band is empty'

/** The band of a tensor as one group. */
function* keepBand(options: Options, size: number): EntriesProgram<readonly string[]> {
  const { top, kept } = bandOf(size, options)
  const [low, high] = yield* findLargest([top + kept, top], size)
  const band: Stage[] = [
    { stage: 'keep', cut: low!, scale: 1 },
    { stage: 'drop', cut: high! },
  ]
  if (options.rescale) yield* keepNorm(band)
  else yield* band
  return options.drop_rate < 1 && kept === 0 ? [NOTHING] : []
}

/** The same within each row. */
function* keepBands(options: Options, columns: number): EntriesProgram<readonly string[]> {
  const { top, kept } = bandOf(columns, options)
  const band: Stage[] = [
    { stage: 'keepRows', k: top + kept, ties: 'first', scale: 1 },
    { stage: 'dropRows', k: top },
  ]
  if (options.rescale) yield* keepNorm(band)
  else yield* band
  return options.drop_rate < 1 && kept === 0 ? [NOTHING] : []
}

export const breadcrumbs = defineEditor({
  name: 'breadcrumbs',
  title: 'Keeps a band of magnitudes: drops the largest outliers and the small entries.',
  cite: 'Davari, Belilovsky 2023 (Model Breadcrumbs), arXiv 2312.06795',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0, gamma: 0 },
  reads: 'tensor',
  byRow: ({ convention }) => convention === 'paper',
  /** The factor of every entry. */
  scanTensor(values, options, { shape }) {
    const factors = new Float32Array(values.length)
    for (const group of groupsOf(shape, options.convention === 'paper' ? 'row' : 'tensor')) {
      const { top, kept } = bandOf(group[1] - group[0], options)
      markLargest(values, group, { k: top + kept, factor: 1 }, factors)
      markLargest(values, group, { k: top, factor: 0 }, factors)
    }
    if (!options.rescale) return factors
    const scale = l1Factor(values, factors)
    return factors.map((factor) => factor * scale)
  },
  edit: (delta, { scanned, offset }) => scaleEntries(delta, scanned, offset),
  program: (options, { size, columns }) => {
    if (options.convention !== 'paper') return keepBand(options, size)
    return columns > LONGEST_ROW ? null : keepBands(options, columns)
  },
  warnings: ({ drop_rate }, { scanned }) => (drop_rate < 1 && zeroShare(scanned) === 1 ? [NOTHING] : []),
  /** min(16n, n + 16 kept, kept (16 + ceil(log2 n))): dense, bitmask and values, or values with indices. */
  bits: (_, { shape, kept }) => sparseBits(shape, kept),
})
