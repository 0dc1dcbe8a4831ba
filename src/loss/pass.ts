// A batch on its way through a model, with the labels of its counted outputs.

import {
  type Batch,
  countOutputs,
  type Feed,
  type Inputs,
  lossesOf,
  type Model,
  makeInputs,
  paddedTokens,
} from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'

export interface Pass extends Feed {
  /** Counted outputs: tokens, or rows of a classifier. */
  count: number
  /** Item index of each counted output. */
  items: Int32Array
  /** Token ids or class indices (int32), or values (float32); a new tensor. */
  labels(): Tensor
  /** Loss of each counted output. */
  losses(outputs: Tensor, labels: Tensor): Tensor
}

/** Inputs are made when a pass reaches a stretch of the chain; nothing is held in between. */
export function preparePass(model: Model, batch: Batch): Pass {
  const { at, labels, rows } = countOutputs(model, batch)
  return {
    tokens: paddedTokens(model, batch),
    rows: batch.rows,
    open: (): Inputs => makeInputs(model, batch, { wanted: at }),
    count: at.length,
    items: rows.map((row) => batch.items[row]!),
    labels: () => tf.tensor1d(labels, model.objective === 'value' ? 'float32' : 'int32'),
    losses: (outputs, right) => lossesOf(model.objective, outputs, right),
  }
}
