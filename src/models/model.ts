// What a model is: a chain of blocks, each a pure function of its own weights, so that it can be evaluated and
// differentiated whole or block by block.
import type { Batch, Tensor } from '../tensor/index.js'

/** Tensors by checkpoint name; values are float32 in the checkpoint's own shape and layout. */
export type Weights = Record<string, Tensor>

/** Keys and values of the tokens seen so far, one pair per attention block, each [rows, kvHeads, length, headDim]. */
export interface Cache {
  keys: (Tensor | null)[]
  values: (Tensor | null)[]
  /** Number of columns already in the cache. */
  length: number
}

export interface Block {
  name: string
  /** Names of the weights that this block reads. */
  weights: string[]
  /** hidden: [rows, columns, width] (ignored by the embedding block) → [rows, columns, width] (logits for the head). */
  apply(weights: Weights, hidden: Tensor | null, inputs: Inputs): Tensor
}

/** The batch as tensors that all blocks share. */
export interface Inputs {
  batch: Batch
  ids: Tensor
  positions: Tensor
  /** Additive attention mask [rows, 1, columns, past + columns]: 0 where visible, a large negative number where not. */
  visible: Tensor
  cos: Tensor
  sin: Tensor
  cache?: Cache
}

export interface Model {
  architecture: string
  config: Record<string, unknown>
  vocabulary: number
  /** Longest sequence the configuration allows. */
  positions: number
  /** Every tensor a checkpoint must hold, with its shape. */
  shapes: Record<string, number[]>
  /** The 2-D matrices of attention and MLP layers ("linear" in the papers). */
  linear: string[]
  blocks: Block[]
}
