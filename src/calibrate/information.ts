// What Fisher merging and RegMean must know of a model, measured on the items of a task and written as a folder of tensors
// under the names of the weights: the `data` of a merge file.
import { basename, resolve } from 'node:path'
import { openCheckpoint, writeCard, writeCheckpoint, type TensorContent } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { encodeItems } from '../evaluate/index.js'
import { gradientOf, layerInputs } from '../loss/index.js'
import { loadModel, type Model, type Weights } from '../models/index.js'
import { packageVersion } from '../record/package.js'
import { loadTask } from '../tasks/index.js'
import { tf, type Batch, type Tensor2D } from '../tensor/index.js'
import { loadTokenizer } from '../tokenizer/index.js'

export const INFORMATION = ['fisher', 'gram'] as const
export type Information = (typeof INFORMATION)[number]

/**
 * Diagonal of the empirical Fisher information: the mean over items of the squared gradient of an item's summed loss (Matena
 * and Raffel 2022, arXiv 2111.09832, with the reference answers in place of samples). Each batch must hold one item.
 */
export async function fisherDiagonals(model: Model, weights: Weights, items: readonly Batch[]): Promise<Map<string, Float32Array>> {
  const sums = new Map<string, Float64Array>()
  for (const batch of items) {
    const { loss, gradient } = await gradientOf(model, weights, [batch])
    for (const [name, values] of gradient) {
      if (!sums.has(name)) sums.set(name, new Float64Array(values.length))
      const sum = sums.get(name)!
      for (let i = 0; i < values.length; i++) sum[i] += (values[i] * loss.tokens) ** 2 / items.length
    }
  }
  return new Map([...sums].map(([name, sum]) => [name, Float32Array.from(sum)]))
}

/** XᵀX / tokens of the inputs of every linear layer, [columns, columns] (Jin et al. 2023, arXiv 2212.09849; per token as in MergeLM). */
export async function gramMatrices(model: Model, weights: Weights, batches: readonly Batch[]): Promise<Map<string, Float32Array>> {
  const sums = new Map<string, Float64Array>()
  let tokens = 0
  for (const batch of batches) {
    tokens += batch.mask.reduce((sum, real) => sum + real, 0)
    for (const [name, { tokens: rows, values }] of await layerInputs(model, weights, [batch], model.linear)) {
      const product = tf.tidy(() => {
        const x: Tensor2D = tf.tensor2d(values, [rows, values.length / rows])
        return tf.matMul(x, x, true)
      })
      const gram = await product.data()
      product.dispose()
      if (!sums.has(name)) sums.set(name, new Float64Array(gram.length))
      const sum = sums.get(name)!
      for (let i = 0; i < gram.length; i++) sum[i] += gram[i]
    }
  }
  return new Map([...sums].map(([name, sum]) => [name, Float32Array.from(sum, (value) => value / tokens)]))
}

export interface InformationOptions {
  task: string
  items: number
  overwrite?: boolean
  /** npm package that computes. */
  backend: string
}

/** Measures one model on the last `items` items of a task, which a score of few items leaves out, and writes the folder. */
export async function writeInformation(kind: Information, folder: string, out: string, options: InformationOptions): Promise<{ tensors: number }> {
  const { task: source, items, overwrite, backend } = options
  const [checkpoint, task, tokenizer] = await Promise.all([openCheckpoint(folder), loadTask(source), loadTokenizer(folder)])
  const weights: Weights = {}
  try {
    if (!checkpoint.config) throw new UserError(`${folder}: has no config.json`)
    if (task.items.length < items) throw new UserError(`${source}: has ${task.items.length} items, fewer than --items ${items}`)
    const model = loadModel(checkpoint.config, Object.fromEntries([...checkpoint.tensors].map(([name, { shape }]) => [name, shape])))
    for (const [name, shape] of Object.entries(model.shapes)) weights[name] = tf.tensor(await checkpoint.read(name), shape)
    const chosen = task.items.slice(-items)
    const found = kind === 'gram' ? await gramMatrices(model, weights, encodeItems({ ...task, items: chosen }, tokenizer))
      : await fisherDiagonals(model, weights, chosen.flatMap((item) => encodeItems({ ...task, items: [item] }, tokenizer)))
    const shapeOf = (name: string): number[] => (kind === 'gram' ? [model.shapes[name][1], model.shapes[name][1]] : model.shapes[name])
    const plan = [...found.keys()].map((name) => ({ name, shape: shapeOf(name), dtype: 'F32' }))
    const tensors = [...found].map(([name, values]): TensorContent => ({ name, values }))
    const inputs = [{ role: 'model', name: basename(resolve(folder)), hashes: await checkpoint.hashes() }]
    const settings = { information: kind, task: task.name, items }
    const software = { deltalab: packageVersion(), node: process.version, backend }
    const card = writeCard({ title: basename(resolve(out)), inputs, settings, software })
    await writeCheckpoint(out, { plan, tensors, config: null, overwrite, card })
    return { tensors: found.size }
  } finally {
    tf.dispose(weights)
    await checkpoint.close()
  }
}
