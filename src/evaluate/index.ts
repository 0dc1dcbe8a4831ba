// Encodes a task's items for a model, and scores greedy answers.
import { tf, type Batch } from '../tensor/index.js'
import { countOutputs, makeInputs, run, sourceOf, type Model, type Source, type Weights } from '../models/index.js'
import { METRICS, type MetricName } from '../tasks/metrics.js'
import { batchesOf, sequenceOf } from '../tasks/sequence.js'
import type { Task } from '../tasks/task.js'
import type { Tokenizer } from '../tokenizer/index.js'
import { generate } from './generate.js'
import { foldHighest } from './highest.js'

export { generate, type GenerateOptions } from './generate.js'

export interface Scores {
  metric: string
  /** Mean of the item scores, 0…1. */
  score: number
  items: Float64Array
}

export interface EncodeOptions {
  /** The first so many items; all by default. */
  items?: number
  /** Padded tokens of one batch. */
  batchTokens?: number
}

/** Right-padded batches of prompt + target + end-of-text, labels on target and end-of-text only. */
export function encodeItems(task: Task, tokenizer: Tokenizer, { items, batchTokens = 4096 }: EncodeOptions = {}): Batch[] {
  return batchesOf(task.items.slice(0, items).map((item) => sequenceOf(item, tokenizer)), tokenizer.pad, batchTokens)
}

/**
 * Which items' targets are exactly what greedy decoding would give: under the target itself as input, every position
 * predicts the next token. One forward pass instead of a generation.
 */
async function greedyMatches(model: Model, weights: Weights | Source, batches: readonly Batch[], count: number): Promise<Uint8Array> {
  const matches = new Uint8Array(count).fill(1)
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({ tokens: batch.ids.length, open: () => makeInputs(model, batch, { wanted: counted[i].at }) }))
  const best = await run(sourceOf(model, weights), feeds, foldHighest)
  for (const [i, each] of best.entries()) {
    const tokens = await each.index.data()
    counted[i].labels.forEach((label, k) => {
      if (tokens[k] !== label) matches[batches[i].items[counted[i].rows[k]]] = 0
    })
    tf.dispose(each as tf.TensorContainer)
  }
  return matches
}

/** Scores the greedy answers to the first `items` items. Answers are generated only where the target is not the greedy answer. */
export async function evaluate(model: Model, weights: Weights | Source, task: Task, tokenizer: Tokenizer, options: EncodeOptions = {}): Promise<Scores> {
  const metric = METRICS[task.metric as MetricName]
  const items = task.items.slice(0, options.items)
  const known = metric.exactImpliesRight
    ? await greedyMatches(model, weights, encodeItems(task, tokenizer, options), items.length)
    : new Uint8Array(items.length)
  const scores = Float64Array.from(known)
  const open = [...items.keys()].filter((i) => !known[i])
  const prompts = open.map((i) => tokenizer.encode(items[i].prompt, { special: true }))
  const answers = await generate(model, weights, prompts, { maxNewTokens: task.maxNewTokens, eos: tokenizer.eos })
  open.forEach((item, i) => (scores[item] = metric.score(tokenizer.decode(answers[i]), items[item])))
  return { metric: task.metric, score: scores.reduce((a, b) => a + b, 0) / items.length, items: scores }
}
