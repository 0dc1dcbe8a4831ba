// Weighted sums of tensors, in the order of the models, and the option that weighs a model.
import { z } from 'zod'
import { type Combine, sumOf, type TensorProgram } from '../kernels/index.js'
import type { Tensor } from '../tensor/index.js'
import type { Wrong } from './merger.js'

export const weight = z.number().default(1).describe('Weight of the model; a negative weight subtracts its delta.')

/** Options of a model that only has a weight. */
export const weighted = z.strictObject({ weight })
export type Weighted = z.infer<typeof weighted>

export const total = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0)

/** What is wrong with weights of which none counts. */
export const checkWeights = (models: readonly Weighted[]): Wrong | undefined =>
  models.every(({ weight }) => weight === 0)
    ? { path: ['models', 0, 'weight'], message: 'every weight is 0' }
    : undefined

/** Σ weight × tensor, all of one shape. */
export function weightedSum(tensors: readonly Tensor[], weights: readonly number[]): Tensor {
  return tensors
    .map((tensor, i) => (weights[i] === 1 ? tensor.clone() : tensor.mul(weights[i]!)))
    .reduce((sum, term) => sum.add(term))
}

/** The same on kernels. */
// biome-ignore lint/correctness/useYield: a program that needs no pass before the one that writes
export function* combineSum(weights: readonly number[]): TensorProgram<Combine> {
  return { combine: 'sum', weights }
}

/** A sum of two models on kernels, with weights from a·b, a·a and b·b. */
export function* combineArc(
  weightsOf: (dots: readonly [number, number, number]) => readonly number[],
): TensorProgram<Combine> {
  const [dots] = yield { reductions: [{ sum: 'dots', of: 0, with: 1 }] }
  const sumAt = (n: number): number => sumOf(dots!.filter((_, i) => i % 3 === n))
  return { combine: 'sum', weights: weightsOf([sumAt(0), sumAt(1), sumAt(2)]) }
}

export const mean = (tensors: readonly Tensor[]): Tensor =>
  weightedSum(
    tensors,
    tensors.map(() => 1 / tensors.length),
  )

/** The values of a tensor, row-major. */
export const readValues = async (tensor: Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array
