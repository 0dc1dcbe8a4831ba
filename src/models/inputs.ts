// Turns a batch into the tensors that all blocks share.
import { tf, IGNORED, type Batch } from '../tensor/index.js'
import type { Cache, Inputs, Model } from './model.js'

/** A large negative score; −Infinity would make rows without a visible key NaN and poison every gradient. */
const HIDDEN = -1e9

/** Causal and padding mask; one matrix for the whole batch when no row hides a token before its last real one. */
function visibility(batch: Batch, cache?: Cache): tf.Tensor {
  const { rows, columns, mask } = batch
  const past = cache?.length ?? 0
  const width = past + columns
  const seen = (row: number, key: number) => (key < past ? cache!.mask[row * past + key] : mask[row * columns + key - past])
  let shared = true
  for (let row = 0; row < rows && shared; row++) {
    for (let key = 1; key < width; key++) if (seen(row, key) && !seen(row, key - 1)) shared = false
  }
  const count = shared ? 1 : rows
  const values = new Float32Array(count * columns * width)
  for (let row = 0; row < count; row++) {
    for (let query = 0; query < columns; query++) {
      const at = (row * columns + query) * width
      for (let key = 0; key < width; key++) if (key > past + query || (!shared && !seen(row, key))) values[at + key] = HIDDEN
    }
  }
  return tf.tensor(values, [count, 1, columns, width])
}

/** Flat positions whose logits predict a counted label, with those labels: logits at i predict labels[i + 1]. */
export function countedPositions(batch: Batch): { at: Int32Array; labels: Int32Array; rows: Int32Array } {
  const at: number[] = []
  for (let row = 0; row < batch.rows; row++) {
    for (let column = 0; column + 1 < batch.columns; column++) {
      const position = row * batch.columns + column
      if (batch.labels[position + 1] !== IGNORED) at.push(position)
    }
  }
  return {
    at: Int32Array.from(at),
    labels: Int32Array.from(at, (i) => batch.labels[i + 1]),
    rows: Int32Array.from(at, (i) => Math.floor(i / batch.columns)),
  }
}

/** Uploads a batch; `wanted` limits the logits to those flat positions. */
export function makeInputs(model: Model, batch: Batch, options: { wanted?: Int32Array; cache?: Cache } = {}): Inputs {
  return {
    batch,
    ids: tf.tensor(batch.ids, [batch.rows, batch.columns], 'int32'),
    visible: visibility(batch, options.cache),
    tables: model.tables(batch),
    ...(options.wanted && { wanted: tf.tensor1d(options.wanted, 'int32') }),
    ...(options.cache && { cache: options.cache }),
  }
}

export function disposeInputs(inputs: Inputs) {
  tf.dispose([inputs.ids, inputs.visible, inputs.tables, inputs.wanted ?? []])
}
