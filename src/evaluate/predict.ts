// What a classification head makes of batches: the likeliest class of each row, or a value.
import { UserError } from '../errors/index.js'
import {
  type Batch,
  checkFinite,
  countOutputs,
  type Model,
  makeInputs,
  paddedTokens,
  run,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { tf } from '../tensor/index.js'
import { foldHighest } from './highest.js'

/** @throws UserError for an item whose label is not a class of the model */
export function checkLabels(
  { name, items }: { name: string; items: readonly { id: string; label: number }[] },
  classes: number,
): void {
  const wrong = items.find(({ label }) => !Number.isInteger(label) || label < 0 || label >= classes)
  if (wrong)
    throw new UserError(
      `task ${name}, item ${wrong.id}: the label ${wrong.label} is not one of the model's ${classes} classes`,
    )
}

/** The likeliest class of each row, or the value that a regressor gives; in the order of the items. */
export async function predict(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  count: number,
): Promise<number[]> {
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({
    tokens: paddedTokens(model, batch),
    rows: batch.rows,
    open: () => makeInputs(model, batch, { wanted: counted[i]!.at }),
  }))
  const results = await run(sourceOf(model, weights), feeds, foldHighest, { name: 'score', unit: 'items' })
  const predicted = new Array<number>(count)
  for (const [i, result] of results.entries()) {
    const [values, classes] = [await result.value.data(), await result.index.data()]
    tf.dispose(result as tf.TensorContainer)
    const itemOf = (k: number) => batches[i]!.items[counted[i]!.rows[k]!]!
    checkFinite(values, (k) => `the output for item ${itemOf(k) + 1}`)
    // The one output of a regressor is its highest.
    const found = model.objective === 'value' ? values : classes
    found.forEach((value, k) => (predicted[itemOf(k)] = value))
  }
  return predicted
}
