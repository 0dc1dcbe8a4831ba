// The delta of a pair of tensors on kernels: sums, the histogram of magnitudes, and exact quantiles, in two passes over the bytes.
import type { TensorProgram } from '../kernels/index.js'
import { BINS, locate, magnitudeAt } from './quantile.js'
import { QUANTILES, type Sums } from './statistics.js'

/** What is found of a tensor. */
export interface Survey {
  sums: Sums
  /** Of |Δ|, an entry of the data for each of QUANTILES; NaN where there are no entries. */
  quantiles: number[]
}

/** On one model, whose values are the delta. @param size number of entries */
export function* surveyDelta(size: number): TensorProgram<Survey> {
  if (size === 0)
    return { sums: sumsOf(0, Array(7).fill(0), new Float64Array(BINS)), quantiles: QUANTILES.map(() => NaN) }
  const [parts, counts] = yield {
    reductions: [
      { sum: 'compare', of: 'base', with: 'post' },
      { sum: 'upper', of: 0 },
    ],
  }
  const places = QUANTILES.map((q) => locate(counts!, size, q))
  const bins = [...new Set(places.map(({ bin }) => bin))]
  const fine = yield { reductions: bins.map((upper) => ({ sum: 'lower', of: 0, upper })) }
  return {
    sums: sumsOf(size, addParts(parts!), counts!),
    quantiles: places.map((place) => magnitudeAt(place, fine[bins.indexOf(place.bin)]!)),
  }
}

/** Seven numbers of each strip → of the tensor: sums, and the largest of the last. */
function addParts(parts: Float64Array): number[] {
  const all = Array<number>(7).fill(0)
  parts.forEach((part, i) => {
    const n = i % 7
    all[n] = n === 6 ? Math.max(all[n]!, part) : all[n]! + part
  })
  return all
}

function sumsOf(parameters: number, numbers: readonly number[], counts: Float64Array): Sums {
  const [base2, post2, cross, delta, delta2, zeros, max] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { parameters, base2, post2, cross, delta, delta2, zeros, max, counts }
}
