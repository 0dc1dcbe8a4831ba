// Learned positions: one row of a table for each place in a text, as GPT-2, BERT and CLIP's text tower have them.

import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import type { Block } from './model.js'

/** @throws UserError for a text that goes beyond the positions [0, length) */
export function checkPositions(positions: Int32Array, length: number): void {
  const last = positions.reduce((a, b) => Math.max(a, b), 0)
  if (last >= length)
    throw new UserError(
      `a text of ${last + 1} tokens is too long: the model has ${length} positions; shorten it or leave it out`,
    )
}

/** int32 [tokens]: rows of a table of `length` positions, the first of which is row `offset`. */
export function positionTable(positions: Int32Array, length: number, offset = 0): Tensor {
  checkPositions(positions, length)
  return tf.tensor1d(offset ? positions.map((position) => position + offset) : positions, 'int32')
}

/** Adds each token's row of the table `name`, as `tables.positions` says. */
export const positionBlock = (name: string): Block => ({
  name: 'positions',
  weights: [name],
  apply: (weights, hidden, { tables }) => hidden!.add(tf.gather(weights[name]!, tables.positions as tf.Tensor1D)),
})
