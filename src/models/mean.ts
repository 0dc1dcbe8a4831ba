// The mean of the hidden states of each row of a batch.
import { type Tensor, tf } from '../tensor/index.js'

/** 1 at the real positions of a batch, which are all where there is no mask: [rows, columns, 1]. */
export const realTable = (rows: number, columns: number, mask: Int32Array): Tensor =>
  mask.length ? tf.tensor(Float32Array.from(mask), [rows, columns, 1]) : tf.ones([rows, columns, 1])

/** Mean of states [rows * columns, width] over the positions of each row that are 1 in the table: [rows, width]. */
export const meanStates = (states: Tensor, real: Tensor): Tensor =>
  states.reshape([real.shape[0]!, real.shape[1]!, -1]).mul(real).sum(1).div(real.sum(1))
