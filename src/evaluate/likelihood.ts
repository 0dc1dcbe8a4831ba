// Log-likelihoods of texts after contexts, as lm-evaluation-harness measures them.
import {
  addPart,
  type Batch,
  batchesOf,
  checkFinite,
  countOutputs,
  finishParts,
  fitSequence,
  type Model,
  makeInputs,
  type PartLosses,
  paddedTokens,
  run,
  type Sequence,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { BATCH_TOKENS } from './options.js'

/** Sum of the log-probabilities of each sequence's target tokens after its prompt, nats. */
export async function logLikelihoods(
  model: Model,
  weights: Weights | Source,
  sequences: readonly Sequence[],
  pad: number,
): Promise<Float64Array> {
  const source = sourceOf(model, weights)
  const batches = batchesOf(
    sequences.map((each) => fitSequence(each, model)),
    pad,
    Math.min(BATCH_TOKENS, source.largest),
    model,
  )
  return (await likelihoodsOf(model, source, batches, sequences.length)).sums
}

/** Of each of `count` items of the batches: the sum of the log-probabilities of its labelled tokens, nats, and their number. */
export async function likelihoodsOf(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  count: number,
): Promise<{ sums: Float64Array; tokens: Int32Array }> {
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({
    tokens: paddedTokens(model, batch),
    rows: batch.rows,
    open: () => makeInputs(model, batch, { wanted: counted[i]!.at }),
  }))
  const fold = (state: PartLosses | null, outputs: Tensor, from: number, i: number) =>
    addPart(model.objective, state, { outputs, labels: tf.tensor1d(counted[i]!.labels, 'int32'), from })
  const states = await run(sourceOf(model, weights), feeds, fold, { name: 'score', unit: 'texts' })
  const sums = new Float64Array(count)
  const tokens = new Int32Array(count)
  for (const [i, state] of states.entries()) {
    const losses = tf.tidy(() => finishParts(state))
    const values = await losses.data()
    tf.dispose([losses, state as tf.TensorContainer])
    checkFinite(values, (k) => `the log-likelihood of text ${batches[i]!.items[counted[i]!.rows[k]!]! + 1}`)
    counted[i]!.rows.forEach((row, k) => {
      const item = batches[i]!.items[row]!
      sums[item]! -= values[k]!
      tokens[item]!++
    })
  }
  return { sums, tokens }
}
