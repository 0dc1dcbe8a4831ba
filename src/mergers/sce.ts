// SCE: selects the entries that vary most over the models, calculates a weight per model from their energy, erases the
// entries that disagree with the sign of the sum.
import { z } from 'zod'
import { type Combine, sumOf, type TensorProgram } from '../kernels/index.js'
import { countEntries, largest, signsOr, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import type { Convention, ScanContext } from './merger.js'
import { readValues, total } from './sum.js'

const options = z.strictObject({
  select_topk: z
    .number()
    .default(1)
    .describe('Fraction of the entries with non-zero variance over the models that is kept; 1 and more keep all.'),
})

interface Selected {
  /** 1 where an entry is selected; null selects all. */
  mask: Float32Array | null
  weights: number[]
}

/** Below this sum of mean squares, mergekit gives all models the same weight. The bound is absolute, and most fine-tunes are below it. */
const LEAST = 1e-6

/** 1 at the int(fraction × non-zeros) entries of largest variance over the models, ties by lowest index. */
function select(values: Float32Array[], fraction: number, convention: Convention): Float32Array {
  const variance = Float32Array.from(values[0]!, (_, i) => {
    const average = total(values.map((v) => v[i]!)) / values.length
    return total(values.map((v) => (v[i]! - average) ** 2)) / values.length
  })
  const varying = variance.filter((v) => v !== 0).length
  // torch multiplies the two in float32.
  const share = convention === 'mergekit' ? Math.fround(varying * Math.fround(fraction)) : varying * fraction
  const { threshold, lastTie } = largest(variance, Math.max(0, Math.trunc(share)))
  return variance.map((v, i) => (v > threshold || (v === threshold && i <= lastTie) ? 1 : 0))
}

/** Shares of the energy: mean squares. */
function weightsOf(energy: readonly number[], convention: Convention, warn: (text: string) => void): number[] {
  const sum = total(energy)
  const equal = sum === 0 || (convention === 'mergekit' && sum < LEAST)
  if (equal && sum > 0) warn(`mean squares sum to ${sum.toExponential(1)}, below ${LEAST}: all models weigh the same`)
  return energy.map((e) => (equal ? 1 / energy.length : e / sum))
}

/** The sum of the agreeing entries is divided by their weights, or by this where these are smaller. */
const CLIP = 1e-6

/** Without a selection, on kernels. */
function* eraseMinorities(size: number, { convention, modelOptions, warn }: ScanContext): TensorProgram<Combine> {
  const sums = yield { reductions: modelOptions.map((_, i) => ({ sum: 'dot', of: i, with: i }) as const) }
  const weights = weightsOf(
    sums.map((parts) => sumOf(parts) / size),
    convention,
    warn,
  )
  const ones = weights.map(() => 1)
  const rules = { bySign: false, largest: false, lambda: 1, least: CLIP, clips: true }
  return { combine: 'elect', votes: ones, turned: ones, factors: weights, divisors: weights, ...rules }
}

export const sce = defineMerger({
  name: 'sce',
  title: 'Keeps the entries that vary most over the models, weighs models by energy, erases minority signs.',
  cite: 'Wan et al. 2024 (FuseChat, SCE), arXiv 2408.07990',
  options,
  reads: 'whole',
  workBytes: (shape, n) => 4 * (8 * n + 2) * countEntries(shape),
  conventions: ['paper', 'mergekit'],
  async scanTensor({ models }, { options: { select_topk }, convention, warn }): Promise<Selected> {
    const values = await Promise.all(models.map(readValues))
    const mask = select_topk < 1 ? select(values, select_topk, convention) : null
    if (mask?.every((m) => m === 0)) warn('the number of selected entries rounds to 0; the base is kept')
    const energy = values.map((v) => v.reduce((sum, x, i) => sum + (mask ? mask[i]! : 1) * x * x, 0) / v.length)
    return { mask, weights: weightsOf(energy, convention, warn) }
  },
  merge({ models }, { scanned: { mask, weights } }) {
    const selected = mask ? models.map((t) => t.mul(tf.tensor(mask, t.shape))) : models
    const sum = selected.reduce((all, t) => all.add(t))
    const sign = signsOr(sum, 1)
    const agreeing = selected.map((t, i) => t.mul(sign).step().mul(weights[i]!))
    const divisor = agreeing.reduce((all, t) => all.add(t)).clipByValue(CLIP, Infinity)
    return selected
      .map((t, i) => t.mul(agreeing[i]!))
      .reduce((all, t) => all.add(t))
      .div(divisor)
  },
  program: (context) => (context.options.select_topk < 1 ? null : eraseMinorities(context.size, context)),
})
