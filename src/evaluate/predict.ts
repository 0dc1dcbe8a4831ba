// What a classification head makes of batches: the likeliest class of each row, or a value.
import { UserError } from '../errors/index.js'
import {
  type Batch,
  checkFinite,
  countOutputs,
  type Fold,
  type Model,
  makeInputs,
  paddedTokens,
  run,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'
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
  const predicted = new Array<number>(count)
  for (const { item, result } of await outputsOf(model, weights, batches, foldHighest)) {
    const [values, classes] = [await result.value.data(), await result.index.data()]
    tf.dispose(result as tf.TensorContainer)
    checkFinite(values, (k) => `the output for item ${item(k) + 1}`)
    // The one output of a regressor is its highest.
    const found = model.objective === 'value' ? values : classes
    found.forEach((value, k) => (predicted[item(k)] = value))
  }
  return predicted
}

/**
 * Log-odds of each row's target class, ln p − ln(1 − p), in the order of the items. Unlike a probability, they do not run into 1, where
 * candidates could not be told apart.
 */
export async function margins(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  count: number,
): Promise<number[]> {
  const found = new Array<number>(count)
  const fold = (_: unknown, outputs: Tensor) => ({ outputs: outputs.clone() })
  for (const { item, result, batch } of await outputsOf(model, weights, batches, fold)) {
    const values = (await result.outputs.data()) as Float32Array
    result.outputs.dispose()
    checkFinite(values, (k) => `the output for text ${item(Math.floor(k / model.outputs)) + 1}`)
    for (let row = 0; row < batch.rows; row++) {
      const logits = [...values.subarray(row * model.outputs, (row + 1) * model.outputs)]
      const [own] = logits.splice(batch.targets![row]!, 1)
      const top = Math.max(...logits)
      found[item(row)] = own! - top - Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0))
    }
  }
  return found
}

/** What a fold makes of the outputs of each batch, and which item each of its rows is. */
async function outputsOf<S extends tf.TensorContainer>(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  fold: Fold<S>,
): Promise<{ batch: Batch; result: S; item(row: number): number }[]> {
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({
    tokens: paddedTokens(model, batch),
    rows: batch.rows,
    open: () => makeInputs(model, batch, { wanted: counted[i]!.at }),
  }))
  const results = await run(sourceOf(model, weights), feeds, fold, { name: 'score', unit: 'items' })
  return results.map((result, i) => ({
    result,
    batch: batches[i]!,
    item: (row) => batches[i]!.items[counted[i]!.rows[row]!]!,
  }))
}
