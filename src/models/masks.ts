// Additive attention masks: 0 where a query sees a key, and the lowest number of float32 where not.

import { tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Cache } from './cache.js'

/** Below any score. −Infinity would make rows without a visible key NaN and poison every gradient. */
const HIDDEN = -(2 - 2 ** -23) * 2 ** 127

/**
 * Each token sees itself and those before it, within `window` keys when given: [1 or rows, 1, columns, columns or the cache's capacity].
 * One matrix serves the whole batch when no row hides a token before its last real one.
 */
export function causalMask({ rows, columns, mask }: Batch, cache?: Cache, window = Infinity): tf.Tensor {
  const past = cache?.length ?? 0
  const width = cache?.capacity ?? columns
  const real = cache?.mask ?? mask
  const seen = (row: number, key: number) => real[row * width + key]
  let shared = true
  for (let row = 0; row < rows && shared; row++) {
    for (let key = 1; key < width; key++) if (seen(row, key) && !seen(row, key - 1)) shared = false
  }
  const count = shared ? 1 : rows
  const values = new Float32Array(count * columns * width)
  for (let row = 0; row < count; row++) {
    for (let query = 0; query < columns; query++) {
      const at = (row * columns + query) * width
      values.fill(HIDDEN, at + past + query + 1, at + width)
      values.fill(HIDDEN, at, at + Math.max(0, past + query - window + 1))
      for (let key = 0; key < width && !shared; key++) if (!seen(row, key)) values[at + key] = HIDDEN
    }
  }
  return tf.tensor(values, [count, 1, columns, width])
}

/** Every token sees every real token, within `window` on either side when given: [rows, 1, 1 or columns, columns]. */
export function paddingMask(
  { rows, columns, mask }: Pick<Batch, 'rows' | 'columns' | 'mask'>,
  window = Infinity,
): tf.Tensor {
  const queries = window < columns - 1 ? columns : 1
  const values = new Float32Array(rows * queries * columns)
  for (let row = 0; row < rows; row++) {
    for (let query = 0; query < queries; query++) {
      for (let key = 0; key < columns; key++) {
        const near = queries === 1 || Math.abs(query - key) <= window
        if (!near || !mask[row * columns + key]) values[(row * queries + query) * columns + key] = HIDDEN
      }
    }
  }
  return tf.tensor(values, [rows, 1, queries, columns])
}
