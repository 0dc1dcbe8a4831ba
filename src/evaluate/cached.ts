// A pass of tokens behind those that a cache of keys and values holds.
import {
  type Batch,
  type Cache,
  checkFinite,
  enterBatch,
  IGNORED,
  type Model,
  makeInputs,
  paddedTokens,
  run,
  type Source,
} from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { foldHighest, type Highest } from './highest.js'

/** A model and where its weights come from. */
export interface ModelSource {
  model: Model
  source: Source
}

/** What each row's logits become before the highest is taken: the logits [rows, part of the vocabulary from `from` on]. */
export type LogitChange = (logits: Tensor, from: number) => Tensor

/** Rows of ids as a batch; `mask` and `positions` are given, nothing is labelled. */
export function plainBatch(rows: number, { ids, mask, positions }: Pick<Batch, 'ids' | 'mask' | 'positions'>): Batch {
  return {
    rows,
    columns: ids.length / rows,
    ids,
    mask,
    positions,
    labels: new Int32Array(ids.length).fill(IGNORED),
    items: Int32Array.from({ length: rows }, (_, i) => i),
  }
}

/** The next token behind each of the `wanted` places (row * columns + column), of the highest logit; the cache holds the batch's tokens afterwards. */
export async function nextTokens(
  { model, source }: ModelSource,
  batch: Batch,
  cache: Cache,
  { wanted, changes = [] }: { wanted: Int32Array; changes?: readonly LogitChange[] },
): Promise<Int32Array> {
  enterBatch(cache, batch)
  const open = () => makeInputs(model, batch, { wanted, cache })
  const feed = { tokens: paddedTokens(model, batch), rows: batch.rows, open }
  const fold = (state: Highest | null, outputs: Tensor, from: number) =>
    foldHighest(
      state,
      changes.reduce((logits, change) => change(logits, from), outputs),
      from,
    )
  const [best] = await run(source, [feed], fold)
  const [tokens, values] = [(await best!.index.data()) as Int32Array, await best!.value.data()]
  checkFinite(values, () => 'the best logit of the next token')
  tf.dispose(best as tf.TensorContainer)
  cache.length += batch.columns
  return tokens
}
