// The loss of a model on a fixed list of batches, per item, in float64 sums of float32 token losses.
import type { Batch } from '../tensor/index.js'
import type { Model, Weights } from '../models/model.js'

export interface Loss {
  /** Mean negative log-likelihood in nats over all counted tokens of all batches together. */
  mean: number
  /** Number of counted tokens. */
  tokens: number
  /** Summed negative log-likelihood of each item, nats; index = item index of the batches. */
  itemSums: Float64Array
  /** Counted tokens of each item. */
  itemTokens: Int32Array
}

/** Gradient of the mean loss by checkpoint tensor name, float32, in the checkpoint's layout. */
export type Gradient = Map<string, Float32Array>

export async function lossOf(_model: Model, _weights: Weights, _batches: Batch[]): Promise<Loss> {
  throw new Error('not yet')
}

export async function gradientOf(_model: Model, _weights: Weights, _batches: Batch[]): Promise<{ loss: Loss; gradient: Gradient }> {
  throw new Error('not yet')
}
