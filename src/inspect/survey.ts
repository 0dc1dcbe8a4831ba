// The delta of a pair of tensors on kernels: sums, the histogram of magnitudes, and exact quantiles, in one pass over the bytes
// where few magnitudes have more than 8 bits of fraction, as in a delta of bf16 weights.
import { findLargest, readComparison, type TensorProgram, together } from '../kernels/index.js'
import { type Lists, magnitudesAt, topRank } from './quantile.js'
import { QUANTILES, type Sums } from './statistics.js'

/** What is found of a tensor. */
export interface Survey {
  sums: Sums
  /** The bins of the histogram with entries, each followed by its count, block after block. */
  bins: Lists
  /** Of |Δ|, an entry of the data for each of QUANTILES; NaN where there are no entries. */
  quantiles: number[]
}

/** On one model, whose values are the delta. @param size number of entries */
export function* surveyDelta(size: number): TensorProgram<Survey> {
  if (size === 0) return { sums: sumsOf(0, Array(7).fill(0)), bins: [], quantiles: QUANTILES.map(() => NaN) }
  const [compared] = yield { reductions: [{ sum: 'compare', of: 'base', with: 'post' }] }
  const { sums, bins, fine } = readComparison(compared as Int32Array)
  return { sums: sumsOf(size, sums), bins, quantiles: yield* quantilesOf(size, bins, fine) }
}

/** Where many magnitudes are finer than the histogram, they are searched for. */
function* quantilesOf(size: number, bins: Lists, fine: Lists | null): TensorProgram<number[]> {
  const ranks = QUANTILES.map((q) => topRank(q, size))
  if (fine) return magnitudesAt(ranks, bins, fine)
  const [found] = yield* together([findLargest(ranks, size)])
  return found!.map(({ threshold }) => threshold)
}

function sumsOf(parameters: number, numbers: ArrayLike<number>): Sums {
  const [base2, post2, cross, delta, delta2, zeros, max] = Array.from(numbers) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { parameters, base2, post2, cross, delta, delta2, zeros, max }
}
