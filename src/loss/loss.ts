// The loss of a model on a fixed list of batches, per item, in float64 sums of float32 losses.

import {
  addPart,
  type Batch,
  checkFinite,
  finishParts,
  type Model,
  type PartLosses,
  run,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { type Pass, preparePass } from './pass.js'

export interface Loss {
  /** Mean over all counted outputs of all batches together: nats per token or row, or the squared error of a regressor. */
  mean: number
  /** Number of counted outputs (tokens; rows of a classifier). */
  tokens: number
  /** Summed loss of each item; index = item index of the batches. */
  itemSums: Float64Array
  /** Counted outputs of each item. */
  itemTokens: Int32Array
}

/** Gathers losses by item. */
export function collectLosses(passes: readonly Pass[]) {
  const count = 1 + passes.reduce((most, { items }) => items.reduce((a, b) => Math.max(a, b), most), -1)
  const itemSums = new Float64Array(count)
  const itemTokens = new Int32Array(count)
  return {
    add({ items }: Pass, losses: ArrayLike<number>) {
      items.forEach((item, i) => {
        itemSums[item]! += losses[i]!
        itemTokens[item]!++
      })
    },
    finish(): Loss {
      const tokens = itemTokens.reduce((a, b) => a + b, 0)
      return { mean: itemSums.reduce((a, b) => a + b, 0) / tokens, tokens, itemSums, itemTokens }
    },
  }
}

/** Loss of the batches under these weights, held or read block by block. @throws NotFinite naming the item, counted from 1 */
export async function lossOf(model: Model, weights: Weights | Source, batches: readonly Batch[]): Promise<Loss> {
  const passes = batches.map((batch) => preparePass(model, batch))
  const sums = collectLosses(passes)
  const fold = (state: PartLosses | null, outputs: Tensor, from: number, i: number) =>
    addPart(model.objective, state, { outputs, labels: passes[i]!.labels(), from })
  const states = await run(sourceOf(model, weights), passes, fold, { name: 'loss', unit: 'items' })
  for (const [i, state] of states.entries()) {
    const losses = tf.tidy(() => finishParts(state))
    const values = await losses.data()
    tf.dispose([losses, state as tf.TensorContainer])
    checkFinite(values, (k) => `the loss of item ${passes[i]!.items[k]! + 1}`)
    sums.add(passes[i]!, values)
  }
  return sums.finish()
}
