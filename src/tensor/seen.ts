// What generation does to its cache: rows are written where they stand, and one token attends to all of them. TensorFlow.js knows neither:
// its tensors do not change.
import { tf } from './tf.js'

/** Names of the kernels, which backends may have. */
export const SEEN = { put: 'PutRows', attend: 'AttendSeen' }

/** What `PutRows` reads. */
export interface PutRows {
  into: tf.TensorInfo
  at: tf.TensorInfo
  rows: tf.TensorInfo
}

/** Sizes of `AttendSeen`. */
export interface AttendSeen {
  rows: number
  heads: number
  kvHeads: number
  /** Tokens of a row that the cache has room for. */
  capacity: number
  /** Of which so many are taken; the mask hides the others. */
  length: number
  /** Factor of the products. */
  scale: number
}

/**
 * Row i of `rows` [n, width] over row at[i] of `into` [count, width]. Nobody else may hold `into`: where the backend can, it is
 * changed; else a copy is. The caller disposes both. Not differentiable.
 */
export function putRows(into: tf.Tensor, at: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  if (!tf.getKernel(SEEN.put, tf.getBackend()))
    return tf.tidy(() => tf.tensorScatterUpdate(into, at.expandDims(1), rows))
  return tf.engine().runKernel(SEEN.put, { into, at, rows } as unknown as tf.NamedTensorMap) as tf.Tensor
}

/**
 * softmax(scale·q·kᵀ + mask)·v of one token a row, q [rows, heads * headDim], over a cache of keys and values
 * [rows * kvHeads * capacity, headDim]; null on a backend that has no kernel for it. Not differentiable.
 */
export function attendSeen(
  [q, keys, values]: readonly [tf.Tensor, tf.Tensor, tf.Tensor],
  mask: tf.Tensor | null,
  sizes: AttendSeen,
): tf.Tensor | null {
  if (!tf.getKernel(SEEN.attend, tf.getBackend())) return null
  const inputs = { q, keys, values, ...(mask && { mask }) } as unknown as tf.NamedTensorMap
  return tf.engine().runKernel(SEEN.attend, inputs, sizes as unknown as tf.NamedAttrMap) as tf.Tensor
}
