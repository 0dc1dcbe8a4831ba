// Vectors that are sums of the models: what lengths and angles between them need is the products of the models with each other.
import { type Combine, sumOf, type TensorProgram } from '../kernels/index.js'
import { dot } from '../tensor/index.js'

/** Products of the models with each other: [i][j] is i·j. */
export type Gram = readonly (readonly number[])[]

/** The factors of each model in a sum of them. */
export type Combination = readonly number[]

/** From the values of the models. */
export function crossProducts(models: readonly Float32Array[]): Gram {
  const half = models.map((a, i) => models.slice(0, i + 1).map((b) => dot(a, b)))
  return half.map((row, i) => half.map((other, j) => (j <= i ? row[j]! : other[i]!)))
}

/** The same of n models on kernels, and their sum with factors that follow from it. */
export function* combineSphere(n: number, factorsOf: (gram: Gram) => number[]): TensorProgram<Combine> {
  const pairs = Array.from({ length: n }, (_, i) => Array.from({ length: i + 1 }, (_, j) => [i, j] as const)).flat()
  const sums = yield { reductions: pairs.map(([i, j]) => ({ sum: 'dot', of: i, with: j }) as const) }
  const gram: number[][] = Array.from({ length: n }, () => [])
  for (const [at, [i, j]] of pairs.entries()) gram[i]![j] = gram[j]![i] = sumOf(sums[at]!)
  return { combine: 'sum', weights: factorsOf(gram) }
}

/** Product of two sums of the models. */
export const combinedDot = (gram: Gram, a: Combination, b: Combination): number =>
  a.reduce((sum, x, i) => sum + (x ? x * b.reduce((row, y, j) => row + y * gram[i]![j]!, 0) : 0), 0)

/** Length of a sum of the models. */
export const combinedLength = (gram: Gram, a: Combination): number => Math.sqrt(Math.max(0, combinedDot(gram, a, a)))

/** Σ of scalar × sum. */
export const addUp = (terms: readonly (readonly [factor: number, sum: Combination])[], n: number): number[] =>
  Array.from({ length: n }, (_, i) => terms.reduce((all, [factor, sum]) => all + factor * sum[i]!, 0))
