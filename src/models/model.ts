// What a model is: a chain of blocks, each a pure function of its own weights, so that it can be evaluated and
// differentiated whole or block by block.

import type { Tensor } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Cache } from './cache.js'
import type { Objective } from './objective.js'

/** Tensors by checkpoint name; values are float32 in the checkpoint's own shape and layout. */
export type Weights = Record<string, Tensor>

/** The batch as the tensors that all blocks share; disposed by `disposeInputs`. */
export interface Inputs {
  batch: Batch
  rows: number
  /** Length of each sequence as the layers see it: tokens, or patches and the class token. */
  columns: number
  /** int32 [tokens]: rows * columns unless the batch is packed, behind those of the encoder where there is one; empty for images. */
  ids: Tensor
  /** Tables that a model makes for itself (masks, rotations, patches), by name. */
  tables: Record<string, Tensor>
  /** int32: numbers of the tokens whose outputs are wanted; all of them when absent. */
  wanted?: Tensor
  /**
   * Of a packed batch, int32: the place (row * columns + column) of each token [tokens], and the token of each place [rows * columns],
   * which is any one for padding.
   */
  packed?: { places: Tensor; tokens: Tensor }
  /** Of a generation: what was seen before, and int32 places of the batch's heads in it (`keyPlaces`). */
  cache?: Cache
  places?: Tensor
  /** Called after each block that is applied. */
  onBlock?: () => void
}

/** Weights of many units, rows of a vocabulary or experts, of which a block may be applied to some at a time. */
export interface Split {
  /** The outputs of the parts add up (a lookup, experts) or stand side by side (a projection). */
  join: 'sum' | 'concat'
  /** The length of the first axis of `weights` unless given. */
  units?: number
  /** Weights whose first axis counts the units. */
  weights: string[]
  /** Weights of one unit, with its number. */
  single?: ReadonlyMap<string, number>
  /** Weights that only the part with the first unit needs. */
  first?: readonly string[]
  /** Units that a token passes through, which each keep values of it; of a vocabulary there are none. */
  passed?(): number
  /** Outputs go through a function of their own (a cap), which keeps as much of them again. */
  finished?: true
}

export interface Block {
  name: string
  /** Names of the weights that this block reads. */
  weights: string[]
  split?: Split
  /** Attention scores of a token in texts of so many columns, where a layer has others than one for each head and key. */
  scores?(columns: number): number
  /** Queries of a long text (`KEPT`) that have scores at a time, in a derivative, too; all unless given. */
  queries?: number
  /** Of an encoder–decoder: it changes the encoder's states alone, so that a generation applies it once. */
  encodes?: true
  /**
   * hidden [tokens, width] (ignored by the first block) → [tokens, width], or logits [wanted, outputs]. Tokens are rows * columns,
   * or those of a packed batch.
   * @param from first unit of the split weights; those of units outside the part are absent
   * The states of an encoder–decoder are those of the encoder, [rows * encoder.columns, width], and behind them the decoder's.
   */
  apply(weights: Weights, hidden: Tensor | null, inputs: Inputs, from: number): Tensor
}

export interface Model {
  architecture: string
  objective: Objective
  /** Tokens that may occur in a batch, i.e. rows of the embedding; 0 for images. */
  vocabulary: number
  /**
   * Trained tokens that stand in every text or pair: so many after its first token, at the end of the first text, and at the end of
   * the second. Their ids go on after the vocabulary.
   */
  prompt?: readonly [number, number, number]
  /** Last axis of the outputs; 0 where the batch decides (zero-shot). */
  outputs: number
  /** Longest sequence the configuration allows, in tokens. */
  positions: number
  /** A text of more tokens is turned otherwise (LongRoPE): what a cache keeps of a shorter one does not hold for it. */
  turn?: number
  /** Of an encoder–decoder: the token in front of an answer (`decoder_start_token_id`). Its encoder reads the prompt. */
  start?: number | undefined
  /** Of a zero-shot model: the class of the text tower beside it, which describes the classes. */
  describer?: string
  /** Every text has `positions` tokens: shorter ones are filled up with pads, which are real tokens unless the tokenizer marks them. */
  filled?: true
  /** Length of every sequence of an image model: patches and the class token. */
  sequence?: number
  /** Only attention mixes tokens, takes those of a packed batch, and looks at no later ones. */
  packs?: true
  /** Flat position (row * columns + column) of each row's output under `classes` and `value`; the first of its row unless given. */
  outputAt?(batch: Batch): Int32Array
  /** Width of the hidden states, and attention heads: what the memory of a pass is estimated from. */
  width: number
  heads: number
  /** Width of the keys of a token that a layer leaves in a cache; at most that of the hidden states unless given. */
  keys?: number
  /** Heads of these keys; `heads` unless given. */
  kvHeads?: number
  /** Every tensor that a checkpoint must hold, with its shape. */
  shapes: Record<string, number[]>
  /** The matrices of attention and MLP layers ("linear" in the papers), and the batches of them that fused experts are. */
  linear: string[]
  /** Weights w of norms that multiply by 1 + w: fresh ones are 0. */
  shifted?: string[]
  /** Those of them that are fed the encoder's states, in a model with a decoder. */
  encoded?: string[]
  /** The tables of one batch. */
  tables(batch: Batch, cache?: Cache): Record<string, Tensor>
  blocks: Block[]
}
