// What a model is: a chain of blocks, each a pure function of its own weights, so that it can be evaluated and
// differentiated whole or block by block.
import type { Batch, Tensor } from '../tensor/index.js'

/** Tensors by checkpoint name; values are float32 in the checkpoint's own shape and layout. */
export type Weights = Record<string, Tensor>

/** Keys and values of the tokens seen so far, one pair per layer, each [rows, kvHeads, length, headDim]. */
export interface Cache {
  layers: { keys: Tensor; values: Tensor }[]
  /** 1 where a cached token is real, [rows, length]. */
  mask: Int32Array
  length: number
}

/** The batch as the tensors that all blocks share; disposed by `disposeInputs`. */
export interface Inputs {
  batch: Batch
  /** int32 [rows, columns]. */
  ids: Tensor
  /** Additive attention mask, 0 where visible and −1e9 where not: [1 or rows, 1, columns, past + columns]. */
  visible: Tensor
  /** Tables that a model adds for itself (rotations), by name. */
  tables: Record<string, Tensor>
  /** int32: flat positions (row * columns + column) whose logits are wanted; all of them when absent. */
  wanted?: Tensor
  cache?: Cache
}

export interface Block {
  name: string
  /** Names of the weights that this block reads. */
  weights: string[]
  /** hidden [rows * columns, width] (ignored by the first block) → [rows * columns, width], or logits [wanted, vocabulary]. */
  apply(weights: Weights, hidden: Tensor | null, inputs: Inputs): Tensor
}

export interface Model {
  architecture: string
  /** Size of the vocabulary, i.e. the last axis of the logits. */
  vocabulary: number
  /** Longest sequence the configuration allows, in tokens. */
  positions: number
  /** Every tensor that a checkpoint must hold, with its shape. */
  shapes: Record<string, number[]>
  /** The 2-D matrices of attention and MLP layers ("linear" in the papers). */
  linear: string[]
  /** The tables of one batch. */
  tables(batch: Batch): Record<string, Tensor>
  blocks: Block[]
}
