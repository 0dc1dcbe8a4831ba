// Turns a batch into the tensors that all blocks share.

import { tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import { type Cache, keyPlaces } from './cache.js'
import type { Inputs, Model } from './model.js'

/** Padded tokens (or patches) of a batch, those of an encoder included. */
export const paddedTokens = ({ sequence }: Pick<Model, 'sequence'>, { rows, columns, encoder }: Batch): number =>
  rows * ((sequence ?? columns) + (encoder?.columns ?? 0))

/** The ids of a batch as its model looks them up: the encoder's first. */
function joinIds({ ids, encoder }: Batch): Int32Array {
  if (!encoder) return ids
  const all = new Int32Array(encoder.ids.length + ids.length)
  all.set(encoder.ids)
  all.set(ids, encoder.ids.length)
  return all
}

/** Uploads a batch; `wanted` limits the outputs to those flat positions. */
export function makeInputs(model: Model, batch: Batch, options: { wanted?: Int32Array; cache?: Cache } = {}): Inputs {
  return {
    batch,
    rows: batch.rows,
    columns: model.sequence ?? batch.columns,
    ids: tf.tensor1d(joinIds(batch), 'int32'),
    tables: model.tables(batch, options.cache),
    ...(options.wanted && { wanted: tf.tensor1d(options.wanted, 'int32') }),
    ...(options.cache && { cache: options.cache, places: keyPlaces(model, batch, options.cache) }),
  }
}

export function disposeInputs(inputs: Inputs) {
  tf.dispose([inputs.ids, inputs.tables, inputs.wanted ?? [], inputs.places ?? []])
}
