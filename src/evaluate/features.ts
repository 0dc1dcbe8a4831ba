// What a model makes of the prompts of a task before it answers: their mean last hidden states, the input of a router.

import {
  type Batch,
  checkFinite,
  disposeInputs,
  hiddenStates,
  type Model,
  makeInputs,
  meanStates,
  realTable,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import type { Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { methodsOf } from './kinds/index.js'
import { BATCH_TOKENS } from './options.js'
import type { Reader } from './reader.js'

/** Mean over the real positions of the last hidden states of each item's prompt: [items, width] row-major, in the order of the items. */
export async function promptFeatures(
  model: Model,
  weights: Weights,
  task: Task,
  reader: Reader,
): Promise<Float32Array> {
  const features = new Float32Array(task.items.length * model.width)
  const batches = await methodsOf(task).encodePrompts(task, reader, model, BATCH_TOKENS)
  const read = async (batch: Batch, onBlock: () => void) => {
    const inputs = { ...makeInputs(model, batch), onBlock }
    const { rows } = inputs
    const { columns, mask } = batch.encoder ?? { ...batch, columns: inputs.columns }
    const means = tf.tidy(() => meanStates(hiddenStates(model, weights, inputs), realTable(rows, columns, mask)))
    disposeInputs(inputs)
    const values = (await means.data()) as Float32Array
    means.dispose()
    checkFinite(values, (k) => `a feature of item ${batch.items[Math.floor(k / model.width)]! + 1}`)
    batch.items.forEach((item, row) =>
      features.set(values.subarray(row * model.width, (row + 1) * model.width), item * model.width),
    )
  }
  await track({ name: 'features of prompts', unit: 'items', total: task.items.length }, async ({ add }) => {
    for (const batch of batches) await read(batch, () => add(batch.rows / model.blocks.length))
  })
  return features
}
