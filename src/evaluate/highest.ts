// The most likely output of each row, of all the vocabulary or part after part of it.
import { type Tensor, tf } from '../tensor/index.js'

export interface Highest extends Record<string, Tensor> {
  /** Largest output so far [n]. */
  value: Tensor
  /** Where it is, int32 [n]; the first of equals. */
  index: Tensor
}

/** A fold of `run`. */
export function foldHighest(state: Highest | null, outputs: Tensor, from: number): Highest {
  const value = outputs.max(1)
  const index = outputs.argMax(1).add(tf.scalar(from, 'int32'))
  if (!state) return { value, index }
  return { value: value.maximum(state.value), index: tf.where(value.greater(state.value), index, state.index) }
}
