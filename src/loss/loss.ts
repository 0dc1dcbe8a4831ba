// The loss of a model on a fixed list of batches, per item, in float64 sums of float32 token losses; and its gradient.
import { differentiable, softmax, tf, type Batch, type Tensor } from '../tensor/index.js'
import { countedPositions, disposeInputs, forward, makeInputs, type Model, type Weights } from '../models/index.js'

export interface Loss {
  /** Mean negative log-likelihood in nats over all counted tokens of all batches together. */
  mean: number
  /** Number of counted tokens. */
  tokens: number
  /** Summed negative log-likelihood of each item, nats; index = item index of the batches. */
  itemSums: Float64Array
  /** Counted tokens of each item. */
  itemTokens: Int32Array
}

/** Gradient of the mean loss by checkpoint tensor name, float32, in the checkpoint's layout. */
export type Gradient = Map<string, Float32Array>

/**
 * −log softmax(logits)[label] of each row: [n, vocabulary] float32 and [n] int32 → [n] nats. The derivative is written
 * down (softmax − one-hot), in operations that can be differentiated again.
 */
export function tokenLosses(logits: Tensor, labels: Tensor): Tensor {
  const oneHot = () => tf.oneHot(labels.toInt(), logits.shape[1]!).toFloat()
  return differentiable(
    (x) => tf.logSumExp(x, 1).sub(x.mul(oneHot()).sum(1)),
    (x, dy) => softmax(x).sub(oneHot()).mul(dy.expandDims(1)),
  )(logits)
}

/** One batch made ready for repeated passes over it. */
export interface Pass {
  /** Token losses [n] of the batch under these weights. */
  losses(weights: Weights): Tensor
  /** Counted tokens. */
  count: number
  /** Item index of each counted token. */
  items: Int32Array
  dispose(): void
}

/** Uploads a batch once, so that many weights can be evaluated on it. */
export function preparePass(model: Model, batch: Batch): Pass {
  const { at, labels, rows } = countedPositions(batch)
  const inputs = makeInputs(model, batch, { wanted: at })
  const target = tf.tensor1d(labels, 'int32')
  return {
    losses: (weights) => tokenLosses(forward(model, weights, inputs), target),
    count: at.length,
    items: rows.map((row) => batch.items[row]),
    dispose() {
      disposeInputs(inputs)
      target.dispose()
    },
  }
}

/** Gathers token losses by item. */
function collector(batches: Batch[]) {
  const count = 1 + batches.reduce((most, batch) => batch.items.reduce((a, b) => Math.max(a, b), most), -1)
  const itemSums = new Float64Array(count)
  const itemTokens = new Int32Array(count)
  return {
    add(pass: Pass, losses: ArrayLike<number>) {
      for (let i = 0; i < pass.count; i++) {
        itemSums[pass.items[i]] += losses[i]
        itemTokens[pass.items[i]]++
      }
    },
    finish(): Loss {
      const tokens = itemTokens.reduce((a, b) => a + b, 0)
      return { mean: itemSums.reduce((a, b) => a + b, 0) / tokens, tokens, itemSums, itemTokens }
    },
  }
}

/** Loss of the batches under these weights. */
export async function lossOf(model: Model, weights: Weights, batches: Batch[]): Promise<Loss> {
  const sums = collector(batches)
  for (const batch of batches) {
    const pass = preparePass(model, batch)
    const losses = tf.tidy(() => pass.losses(weights))
    sums.add(pass, await losses.data())
    losses.dispose()
    pass.dispose()
  }
  return sums.finish()
}

/** Sum of float32 arrays in the order given, in place into `total` (made when absent). */
function accumulate(total: Map<string, Float32Array>, name: string, values: Float32Array) {
  const sum = total.get(name)
  if (!sum) total.set(name, values)
  else for (let i = 0; i < sum.length; i++) sum[i] += values[i]
}

/** Loss and gradient of the mean loss with respect to `names` (every tensor of the model by default). */
export async function gradientOf(
  model: Model,
  weights: Weights,
  batches: Batch[],
  names: string[] = Object.keys(model.shapes),
): Promise<{ loss: Loss; gradient: Gradient }> {
  const sums = collector(batches)
  const gradient: Gradient = new Map()
  const tokens = batches.reduce((sum, batch) => sum + countedPositions(batch).at.length, 0)
  for (const batch of batches) {
    const pass = preparePass(model, batch)
    const { losses, grads } = tf.tidy(() => {
      let losses!: Tensor
      const total = (...moving: Tensor[]) => {
        losses = tf.keep(pass.losses({ ...weights, ...Object.fromEntries(names.map((name, i) => [name, moving[i]])) }))
        return losses.sum().asScalar()
      }
      const grads = tf.grads(total)(names.map((name) => weights[name]), tf.scalar(1 / tokens))
      return { losses, grads }
    })
    sums.add(pass, await losses.data())
    for (const [i, name] of names.entries()) accumulate(gradient, name, (await grads[i].data()) as Float32Array)
    tf.dispose([losses, grads])
    pass.dispose()
  }
  return { loss: sums.finish(), gradient }
}
