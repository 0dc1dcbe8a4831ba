// Encodes a task's items for a model and scores greedy answers.
import type { Batch } from '../tensor/index.js'
import type { Model, Weights } from '../models/model.js'
import type { Task } from '../tasks/task.js'
import type { Tokenizer } from '../tokenizer/index.js'

export interface Scores {
  metric: string
  /** Mean of the item scores, 0…1. */
  score: number
  items: Float64Array
}

/** Right-padded batches of prompt + target + end-of-text, labels on target and end-of-text only; at most batchTokens padded tokens each. */
export function encodeItems(_task: Task, _tokenizer: Tokenizer, _options?: { items?: number; batchTokens?: number }): Batch[] {
  throw new Error('not yet')
}

/** Scores the greedy answers of the first `items` items. */
export async function evaluate(_model: Model, _weights: Weights, _task: Task, _tokenizer: Tokenizer, _options?: { items?: number }): Promise<Scores> {
  throw new Error('not yet')
}
