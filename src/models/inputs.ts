// Turns a batch into the tensors that all blocks share.

import { tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Cache, Inputs, Model } from './model.js'

/** Uploads a batch; `wanted` limits the outputs to those flat positions. */
export function makeInputs(model: Model, batch: Batch, options: { wanted?: Int32Array; cache?: Cache } = {}): Inputs {
  return {
    batch,
    rows: batch.rows,
    columns: model.sequence ?? batch.columns,
    ids: tf.tensor1d(batch.ids, 'int32'),
    tables: model.tables(batch, options.cache),
    ...(options.wanted && { wanted: tf.tensor1d(options.wanted, 'int32') }),
    ...(options.cache && { cache: options.cache }),
  }
}

export function disposeInputs(inputs: Inputs) {
  tf.dispose([inputs.ids, inputs.tables, inputs.wanted ?? []])
}
