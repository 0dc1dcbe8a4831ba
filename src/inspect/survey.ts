// The delta of a pair of tensors on kernels: sums, the histogram of magnitudes, and exact quantiles, in one pass over the bytes.
import { findLargest, type PassAnswer, type Reduction, type TensorProgram, together } from '../kernels/index.js'
import { topRank } from './quantile.js'
import { QUANTILES, type Sums } from './statistics.js'

/** What is found of a tensor. */
export interface Survey {
  sums: Sums
  /** The bins of the histogram with entries, each followed by its count; a bin may come again. */
  bins: ArrayLike<number>
  /** Of |Δ|, an entry of the data for each of QUANTILES; NaN where there are no entries. */
  quantiles: number[]
}

const OWN: readonly Reduction[] = [
  { sum: 'compare', of: 'base', with: 'post' },
  { sum: 'upper', of: 0 },
]

/** On one model, whose values are the delta. @param size number of entries */
export function* surveyDelta(size: number): TensorProgram<Survey> {
  if (size === 0) return { sums: sumsOf(0, Array(7).fill(0)), bins: [], quantiles: QUANTILES.map(() => NaN) }
  const ranks = QUANTILES.map((q) => topRank(q, size))
  const search = together([findLargest(ranks, size)])
  let own: readonly PassAnswer[] | undefined
  let step = search.next([])
  while (!step.done) {
    const { reductions = [] } = step.value as { reductions?: readonly Reduction[] }
    // Sums and counts are made in the first pass over all entries.
    const isFirst = !own && !reductions.some((each) => 'sample' in each)
    const answers = yield { reductions: isFirst ? [...reductions, ...OWN] : reductions }
    if (isFirst) own = answers.slice(reductions.length)
    step = search.next(answers)
  }
  const [parts, bins] = own!
  return {
    sums: sumsOf(size, addParts(parts!)),
    bins: bins!,
    quantiles: step.value[0]!.map(({ threshold }) => threshold),
  }
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
