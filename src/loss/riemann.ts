// Riemann sum of <∇L(W_post + tT), T> along the path from the post-trained (t = 0) to the edited weights (t = 1),
// arXiv 2410.13841 eq. (1); per tensor.
import type { Batch } from '../tensor/index.js'
import type { Model, Weights } from '../models/model.js'

export const RULES = ['left', 'right', 'midpoint', 'trapezoid', 'simpson', 'gauss'] as const
export type Rule = (typeof RULES)[number]

export interface PathSum {
  /** Approximate loss change, nats per token. */
  sum: number
  /** Contribution of each tensor with a non-zero change; they add up to `sum`. */
  terms: Map<string, number>
}

/** change: T = F(Δ) − Δ per tensor, as float32 values (tensors absent from the map do not move). */
export type Change = Map<string, Float32Array>

export async function riemannSum(_model: Model, _post: Weights, _change: Change, _batches: Batch[], _options: { rule: Rule; steps: number }): Promise<PathSum> {
  throw new Error('not yet')
}

/** g·T + ½ TᵀHT at the post-trained weights, with an exact Hessian-vector product. */
export async function taylor2(_model: Model, _post: Weights, _change: Change, _batches: Batch[]): Promise<PathSum & { first: PathSum }> {
  throw new Error('not yet')
}
