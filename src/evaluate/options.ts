// What a call says of how items are encoded, and what it has to know of the model.
import type { Model, Source, Weights } from '../models/index.js'
import type { Reader } from './reader.js'

/** What is measured: a model under some weights, held or read block by block, with what makes its input. */
export interface Subject {
  model: Model
  weights: Weights | Source
  reader: Reader
}

export interface EncodeOptions {
  /** The first so many items; all by default. */
  items?: number | undefined
  /** Padded tokens of one batch. Default 4096. */
  batchTokens?: number | undefined
}

/** Padded tokens of one batch, unless a call asks for another number. */
export const BATCH_TOKENS = 4096

/** What is needed of a model to make batches for it. */
export type Reach = Pick<Model, 'positions' | 'objective' | 'vocabulary' | 'prompt' | 'start'>
