// The delta of a pair of tensors on kernels: sums, the histogram of magnitudes, and exact quantiles, in one pass over the bytes
// where few magnitudes have more than 8 bits of fraction, as in a delta of bf16 weights.
import { findLargest, type PassAnswer, readHistogram, type TensorProgram, together } from '../kernels/index.js'
import { magnitudesAt, topRank } from './quantile.js'
import { QUANTILES, type Sums } from './statistics.js'

/** What is found of a tensor. */
export interface Survey {
  sums: Sums
  /** The bins of the histogram with entries, each followed by its count; a bin may come again. */
  bins: Int32Array
  /** Of |Δ|, an entry of the data for each of QUANTILES; NaN where there are no entries. */
  quantiles: number[]
}

/** On one model, whose values are the delta. @param size number of entries */
export function* surveyDelta(size: number): TensorProgram<Survey> {
  if (size === 0)
    return { sums: sumsOf(0, Array(7).fill(0)), bins: new Int32Array(0), quantiles: QUANTILES.map(() => NaN) }
  const [parts, counted] = yield {
    reductions: [
      { sum: 'compare', of: 'base', with: 'post' },
      { sum: 'histogram', of: 0 },
    ],
  }
  const { bins, fine } = readHistogram(counted as Int32Array)
  return { sums: sumsOf(size, addParts(parts!)), bins, quantiles: yield* quantilesOf(size, bins, fine) }
}

/** Where many magnitudes are finer than the histogram, they are searched for. */
function* quantilesOf(size: number, bins: Int32Array, fine: Int32Array | null): TensorProgram<number[]> {
  const ranks = QUANTILES.map((q) => topRank(q, size))
  if (!fine) {
    const [found] = yield* together([findLargest(ranks, size)])
    return found!.map(({ threshold }) => threshold)
  }
  return magnitudesAt(ranks, bins, fine)
}

/** Seven numbers of each strip → of the tensor: sums, and the largest of the last. */
function addParts(parts: PassAnswer): number[] {
  const all = Array<number>(7).fill(0)
  parts.forEach((part, i) => {
    const n = i % 7
    all[n] = n === 6 ? Math.max(all[n]!, part) : all[n]! + part
  })
  return all
}

function sumsOf(parameters: number, numbers: readonly number[]): Sums {
  const [base2, post2, cross, delta, delta2, zeros, max] = numbers as [
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
