// The training objective of a model: which outputs count in the loss, their labels, and the loss of each.

import { UserError } from '../errors/index.js'
import { differentiable, fuse, logSums, oneHot, softmax, type Tensor, tf } from '../tensor/index.js'
import { type Batch, IGNORED } from './batch.js'

/**
 * `causal`: the next token; `masked`: the token itself; `replaced`: whether the token is another than the text had (1) or not (0);
 * `classes`: the class of a row; `value`: a number per row; `features`: no loss.
 */
export type Objective = 'causal' | 'masked' | 'replaced' | 'classes' | 'value' | 'features'

/** The outputs that are counted, in the order of the batch. */
export interface Counted {
  /** Flat positions (row * columns + column) of the outputs. */
  at: Int32Array
  /** Token id, class index or value that each should give; for `replaced` 0 or 1. */
  labels: Int32Array | Float32Array
  /** Row of each. */
  rows: Int32Array
}

function countTokens({ rows, columns, labels }: Batch, shift: 0 | 1): Counted {
  const at: number[] = []
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column + shift < columns; column++) {
      const position = row * columns + column
      if (labels[position + shift] !== IGNORED) at.push(position)
    }
  }
  return {
    at: Int32Array.from(at),
    labels: Int32Array.from(at, (i) => labels[i + shift]!),
    rows: Int32Array.from(at, (i) => Math.floor(i / columns)),
  }
}

/** A row's output is at its first position ([CLS], <s>, the class token), unless the model says where. */
function countRows({ objective, sequence, outputAt }: Rules, batch: Batch): Counted {
  const { rows, columns, targets } = batch
  if (!targets) throw new UserError(`a batch without targets has no loss under the objective ${objective}`)
  return {
    at: outputAt?.(batch) ?? Int32Array.from({ length: rows }, (_, row) => row * (sequence ?? columns)),
    labels: objective === 'value' ? targets : Int32Array.from(targets),
    rows: Int32Array.from({ length: rows }, (_, row) => row),
  }
}

/** What a model says of its outputs. */
interface Rules {
  objective: Objective
  sequence?: number
  outputAt?(batch: Batch): Int32Array
}

/** @throws UserError for a model or a batch without a loss. */
export function countOutputs(model: Rules, batch: Batch): Counted {
  const { objective } = model
  if (objective === 'features') throw new UserError('this model gives features and has no loss of its own')
  if (objective === 'classes' || objective === 'value') return countRows(model, batch)
  return countTokens(batch, objective === 'causal' ? 1 : 0)
}

/** Why a model of an objective has no divergence from another. */
const NO_DISTRIBUTION: Partial<Record<Objective, string>> = {
  value: 'gives a value, which is no distribution',
  features: 'has no head and gives features alone: ask for metric cosine, which compares those',
}

/** @param what the model, as the error names it. @throws UserError for a model whose outputs are no distribution */
export function checkDivergence({ objective }: Pick<Rules, 'objective'>, what: string): void {
  const lack = NO_DISTRIBUTION[objective]
  if (lack) throw new UserError(`kl compares the distributions of two models, and ${what} ${lack}`)
}

/** The derivative is written down (softmax − one-hot), in operations that can be differentiated again. */
const entropiesAtOnce = fuse('crossEntropies', ([logits], { labels }) => {
  const rightOnes = () => oneHot(labels, logits!.shape[1]!)
  return differentiable(
    (x) => logSums(x as tf.Tensor2D).sub(x.mul(rightOnes()).sum(1)),
    (x, dy) => softmax(x).sub(rightOnes()).mul(dy.expandDims(1)),
  )(logits!)
})

/** −log softmax(logits)[label] of each row: [n, classes] float32 and [n] int32 → [n] nats. */
export const crossEntropies = (logits: Tensor, labels: Tensor): Tensor => entropiesAtOnce([logits], { labels })

/**
 * Loss of each counted output [n, …] → [n]: squared error for `value`, else cross-entropy in nats. For `replaced` the one output is
 * the logit of 1, and that of 0 is 0.
 */
export function lossesOf(objective: Objective, outputs: Tensor, labels: Tensor): Tensor {
  if (objective === 'value') return outputs.flatten().sub(labels).square()
  return crossEntropies(logitsOf(objective, outputs), labels)
}

/** Logits of the classes, [n, classes]. */
const logitsOf = (objective: Objective, outputs: Tensor): Tensor =>
  objective === 'replaced' ? tf.concat([tf.zerosLike(outputs), outputs], 1) : outputs

/**
 * KL(q ‖ p) of each counted output in nats, [n, …] → [n]: p of `outputs`, q of `still`, outputs of another model at the same places.
 * The derivative, in `outputs` alone, is p − q. Where the outputs are the same bits it is 0, and its own derivative the Fisher
 * information diag p − ppᵀ.
 */
export function divergencesOf(objective: Objective, outputs: Tensor, still: Tensor): Tensor {
  // Made where it is used: the tape forgets what the forward pass makes.
  const from = () => logitsOf(objective, still)
  return differentiable(
    (x) =>
      softmax(from())
        .mul(from().sub(x))
        .sum(1)
        .add(logSums(x as tf.Tensor2D))
        .sub(logSums(from() as tf.Tensor2D)),
    (x, dy) => softmax(x).sub(softmax(from())).mul(dy.expandDims(1)),
  )(logitsOf(objective, outputs))
}

/** Losses on the way, while parts of the vocabulary come in: each output's log of summed exponentials so far, and its label's logit. */
export interface PartLosses extends Record<string, Tensor> {
  high: Tensor
  label: Tensor
}

/** Labels counted from `from` on, as one-hot rows; a label outside the part gives a row of zeros. */
const oneHotPart = (outputs: Tensor, labels: Tensor, from: number) =>
  oneHot(labels.toInt().sub(tf.scalar(from, 'int32')), outputs.shape[1]!)

/** The logit of each label in one part of the outputs; 0 for a label outside of it. */
function labelLogits(outputs: Tensor, labels: Tensor, from: number): Tensor {
  const [count, width] = outputs.shape as [number, number]
  const at = labels.toInt().sub(tf.scalar(from, 'int32'))
  const inside = at.greaterEqual(tf.scalar(0, 'int32')).logicalAnd(at.less(tf.scalar(width, 'int32')))
  const places = tf.range(0, count * width, width, 'int32').add(at.mul(inside.toInt()))
  const found = tf.gather(outputs.flatten(), places.toInt() as tf.Tensor1D)
  return tf.where(inside, found, tf.zerosLike(found))
}

/** Adds one part of the outputs, [n, width] of classes from `from` on; the whole is one part. */
export function addPart(
  objective: Objective,
  state: PartLosses | null,
  { outputs, labels, from }: { outputs: Tensor; labels: Tensor; from: number },
): PartLosses {
  if (objective === 'value' || objective === 'replaced') {
    const losses = lossesOf(objective, outputs, labels)
    return { high: losses, label: tf.zerosLike(losses) }
  }
  const high = logSums(outputs as tf.Tensor2D)
  const label = labelLogits(outputs, labels, from)
  return state ? { high: addLogs(state.high, high), label: state.label.add(label) } : { high, label }
}

/** log(eᵃ + eᵇ), entry by entry. */
const addLogs = (a: Tensor, b: Tensor): Tensor => tf.logSumExp(tf.stack([a, b], 1), 1)

/** Loss of each output, once all parts are in. */
export const finishParts = ({ high, label }: PartLosses): Tensor => high.sub(label)

/** A function of one part's outputs whose derivative is that of the summed loss; `high` is over all parts. Its value means nothing. */
export function partPull(outputs: Tensor, labels: Tensor, from: number, high: Tensor): Tensor {
  return differentiable(
    (x) => x.sum(),
    (x, dy) =>
      x
        .sub(high.expandDims(1))
        .exp()
        .sub(oneHotPart(x, labels, from))
        .mul(dy),
  )(outputs)
}

/** Of a divergence, while parts of the vocabulary come in: each output's log of summed exponentials, and that of the other model. */
export interface PartHighs extends Record<string, Tensor> {
  high: Tensor
  still: Tensor
}

/** Adds one part of the outputs of both models, [n, width] each. */
export function addHighs(state: PartHighs | null, outputs: Tensor, still: Tensor): PartHighs {
  const [high, other] = [logSums(outputs as tf.Tensor2D), logSums(still as tf.Tensor2D)]
  return state ? { high: addLogs(state.high, high), still: addLogs(state.still, other) } : { high, still: other }
}

/** As `partPull`, of the summed divergence. */
export function partPullFrom(outputs: Tensor, still: Tensor, highs: PartHighs): Tensor {
  const share = (x: Tensor, high: Tensor) => x.sub(high.expandDims(1)).exp()
  return differentiable(
    (x) => x.sum(),
    (x, dy) => share(x, highs.high).sub(share(still, highs.still)).mul(dy),
  )(outputs)
}
