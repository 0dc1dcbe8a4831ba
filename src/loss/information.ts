// Data for Fisher merging and RegMean, measured on batches: tensors with the names of the weights.
import type { Batch, Model, Weights } from '../models/index.js'
import { track } from '../progress/index.js'
import { type Tensor2D, tf } from '../tensor/index.js'
import { gradientOf } from './gradient.js'
import { layerInputs } from './layer-inputs.js'

/**
 * Diagonal of the empirical Fisher information: the mean over items of the squared gradient of an item's summed loss (Matena
 * and Raffel 2022, arXiv 2111.09832, with the reference answers in place of samples). Each batch must hold one item; with
 * batches of several items (`count` in all) the result is that of MergeLM.
 */
export async function fisherDiagonals(
  model: Model,
  weights: Weights,
  items: readonly Batch[],
  count = items.length,
): Promise<Map<string, Float32Array>> {
  const sums = new Map<string, Float64Array>()
  const square = async (batch: Batch) => {
    const { loss, gradient } = await gradientOf(model, weights, [batch])
    for (const [name, values] of gradient) {
      if (!sums.has(name)) sums.set(name, new Float64Array(values.length))
      const sum = sums.get(name)!
      for (let i = 0; i < values.length; i++) sum[i]! += (values[i]! * loss.tokens) ** 2 / count
    }
  }
  await track({ name: 'Fisher information', unit: 'items', total: count }, async ({ part }) => {
    for (const batch of items) await part(batch.rows, () => square(batch))
  })
  return new Map([...sums].map(([name, sum]) => [name, Float32Array.from(sum)]))
}

/** Without the last token of each row: a decoder beside an encoder is fed an answer up to there, as in transformers. */
function withoutLast(batch: Batch): Batch {
  const mask = batch.mask.map((real, at) => ((at + 1) % batch.columns ? real && batch.mask[at + 1]! : 0))
  return { ...batch, mask }
}

/**
 * XᵀX / tokens of the inputs of every linear layer, [inputs, inputs] (Jin et al. 2023, arXiv 2212.09849; per token as in MergeLM).
 */
export async function gramMatrices(
  model: Model,
  weights: Weights,
  batches: readonly Batch[],
): Promise<Map<string, Float32Array>> {
  const sums = new Map<string, Float64Array>()
  const encoded = new Set(model.encoded)
  const tokens = { decoder: 0, encoder: 0 }
  const countReal = (mask: Int32Array) => mask.reduce((sum, real) => sum + real, 0)
  const multiply = async (whole: Batch) => {
    const batch = model.start === undefined ? whole : withoutLast(whole)
    // An image has no padding: all positions of its sequence count.
    tokens.decoder += batch.mask.length ? countReal(batch.mask) : batch.rows * (model.sequence ?? 1)
    if (batch.encoder) tokens.encoder += countReal(batch.encoder.mask)
    for (const [name, { tokens: rows, values }] of await layerInputs(model, weights, [batch], model.linear)) {
      const product = tf.tidy(() => {
        const x: Tensor2D = tf.tensor2d(values, [rows, values.length / rows])
        return tf.matMul(x, x, true)
      })
      const gram = await product.data()
      product.dispose()
      if (!sums.has(name)) sums.set(name, new Float64Array(gram.length))
      const sum = sums.get(name)!
      for (let i = 0; i < gram.length; i++) sum[i]! += gram[i]!
    }
  }
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0)
  await track({ name: 'Gram matrices', unit: 'items', total: rows }, async ({ add }) => {
    for (const batch of batches) {
      await multiply(batch)
      add(batch.rows)
    }
  })
  return new Map(
    [...sums].map(([name, sum]) => {
      const count = encoded.has(name) ? tokens.encoder : tokens.decoder
      return [name, Float32Array.from(sum, (value) => value / count)]
    }),
  )
}
