// Texts and pairs of texts for an encoder with a classification head, and what it makes of them.
import {
  checkFinite,
  countOutputs,
  type Model,
  makeInputs,
  run,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { batchesOf } from '../tasks/sequences/sequence.js'
import type { Item } from '../tasks/task.js'
import { type Batch, IGNORED, tf } from '../tensor/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import { foldHighest } from './highest.js'

/** Batches with the class (or value) of each row as its target, and segments where the tokenizer tells a pair's texts apart. */
export async function classBatches(
  items: readonly Item[],
  tokenizer: Tokenizer,
  batchTokens: number,
): Promise<Batch[]> {
  const encoded = await tokenizer.encodePairs(items.map(({ prompt, pair }) => ({ text: prompt, pair })))
  const batches = batchesOf(
    encoded.map(({ ids }) => ({ prompt: ids, target: [] })),
    tokenizer.pad,
    batchTokens,
  )
  for (const batch of batches) {
    batch.labels.fill(IGNORED)
    batch.targets = Float32Array.from(batch.items, (item) => items[item]!.label!)
    batch.types = new Int32Array(batch.ids.length)
    batch.items.forEach((item, row) => batch.types!.set(encoded[item]!.types, row * batch.columns))
  }
  return batches
}

/** The likeliest class of each row, or the value that a regressor gives; in the order of the items. */
export async function predict(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  count: number,
): Promise<number[]> {
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({
    tokens: batch.rows * (model.sequence ?? batch.columns),
    open: () => makeInputs(model, batch, { wanted: counted[i]!.at }),
  }))
  const results = await run(sourceOf(model, weights), feeds, foldHighest)
  const predicted = new Array<number>(count)
  for (const [i, result] of results.entries()) {
    const [values, classes] = [await result.value.data(), await result.index.data()]
    tf.dispose(result as tf.TensorContainer)
    const itemOf = (k: number) => batches[i]!.items[counted[i]!.rows[k]!]!
    checkFinite(values, (k) => `the output for item ${itemOf(k) + 1}`)
    // The one output of a regressor is its highest.
    const found = model.objective === 'value' ? values : classes
    found.forEach((value, k) => (predicted[itemOf(k)] = value))
  }
  return predicted
}
