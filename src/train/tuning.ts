// What a recipe trains: all weights, the biases, factors of matrices, or a parameter-lite encoder. The optimiser sees one flat vector
// of trained parameters; the gradient workers see the weights of the whole model.
import type { ParameterLite } from '../adapters/index.js'
import type { Checkpoint, WriteOptions } from '../checkpoint/index.js'
import type { Training } from '../config/index.js'
import type { Model } from '../models/index.js'
import type { Span } from './layout.js'

/** What is written besides weights. */
export type WriteExtras = Pick<WriteOptions, 'overwrite'> & { files?: Record<string, string> }

export interface Tuning {
  /** The trained parameters, one after the other in their vector. */
  parameters: Span[]
  /** Their values before training. */
  start: Float32Array
  /** The tensors of the model whose gradients are needed, by their numbers. */
  trained: number[]
  /** Writes what the parameters make of the model's weights into them. */
  apply(parameters: Float32Array, weights: Float32Array): void
  /** The gradient with respect to the parameters, from that with respect to the weights. */
  pull(gradient: Float32Array, parameters: Float32Array): Float32Array
  write(folder: string, parameters: Float32Array, extras: WriteExtras): Promise<void>
}

/** The starting point of a recipe. */
export interface StartingPoint {
  recipe: Training
  model: Model
  config: Record<string, unknown>
  configText: string | null
  spans: Span[]
  weights: Float32Array
  /** Tensors of the checkpoint that training starts from; none for a new model. */
  stored: Checkpoint['tensors']
  lite: ParameterLite | null
  /** Folder of the tokenizer or the preprocessor. */
  companions: string
  /** The base as a folder at `out` names it. */
  baseOf(out: string): string
}
