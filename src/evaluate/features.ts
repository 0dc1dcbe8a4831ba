// What a model makes of the prompts of a task before it answers: their mean last hidden states, the input of a router.

import { hiddenStates } from '../models/hidden.js'
import { checkFinite, disposeInputs, type Model, makeInputs, type Weights } from '../models/index.js'
import { batchesOf } from '../tasks/sequences/sequence.js'
import type { Task } from '../tasks/task.js'
import { type Batch, tf } from '../tensor/index.js'
import { classBatches } from './classes.js'
import { imageBatches } from './images.js'
import { imagesFor, type Reader, textFor } from './reader.js'

/** Padded tokens of one batch. */
const BATCH_TOKENS = 4096

/** The items without their answers; an empty prompt is the end-of-text token, so that there is something to look at. */
async function promptBatches({ items, ...task }: Task, reader: Reader, model: Model): Promise<Batch[]> {
  if (task.kind === 'images') return imageBatches(items, imagesFor(reader, task))
  const tokenizer = textFor(reader, task, model)
  if (task.kind === 'classify') return classBatches(items, tokenizer, BATCH_TOKENS)
  const prompts = await tokenizer.encode(
    items.map(({ prompt }) => prompt),
    { special: true },
  )
  const sequences = prompts.map((ids) => ({
    prompt: ids.length ? ids.slice(-model.positions) : [tokenizer.eos],
    target: [],
  }))
  return batchesOf(sequences, tokenizer.pad, BATCH_TOKENS)
}

/** Mean over the real positions of the last hidden states of each item's prompt: [items, width] row-major, in the order of the items. */
export async function promptFeatures(
  model: Model,
  weights: Weights,
  task: Task,
  reader: Reader,
): Promise<Float32Array> {
  const features = new Float32Array(task.items.length * model.width)
  for (const batch of await promptBatches(task, reader, model)) {
    const inputs = makeInputs(model, batch)
    const { rows, columns } = inputs
    const means = tf.tidy(() => {
      const states = hiddenStates(model, weights, inputs).reshape([rows, columns, model.width])
      const real = batch.mask.length
        ? tf.tensor(batch.mask, [rows, columns, 1], 'float32')
        : tf.ones([rows, columns, 1])
      return states.mul(real).sum(1).div(real.sum(1))
    })
    disposeInputs(inputs)
    const values = (await means.data()) as Float32Array
    means.dispose()
    checkFinite(values, (k) => `a feature of item ${batch.items[Math.floor(k / model.width)]! + 1}`)
    batch.items.forEach((item, row) =>
      features.set(values.subarray(row * model.width, (row + 1) * model.width), item * model.width),
    )
  }
  return features
}
