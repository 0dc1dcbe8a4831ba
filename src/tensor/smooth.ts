// Softmax and sigmoid that can be differentiated to any order. The stock ones save their output for the derivative, and
// the tape of TensorFlow.js loses saved outputs in a second derivative (Hessian-vector products came out wrong by 20–80 %).
// Here the derivative computes the function again from its input.
import * as tf from '@tensorflow/tfjs'

/** A unary function with a derivative in differentiable operations: `derivative(x, dy)`. */
export function differentiable(value: (x: tf.Tensor) => tf.Tensor, derivative: (x: tf.Tensor, dy: tf.Tensor) => tf.Tensor) {
  const run = tf.customGrad((x, save) => {
    ;(save as (tensors: tf.Tensor[]) => void)([x as tf.Tensor]) // the forward pass is tidied away; saved inputs stay
    return { value: value(x as tf.Tensor), gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => derivative(saved, dy) }
  })
  return (x: tf.Tensor): tf.Tensor => run(x)
}

/** 1 / (1 + e⁻ˣ), any shape. */
export const sigmoid: (x: tf.Tensor) => tf.Tensor = differentiable(
  (x) => x.sigmoid(),
  (x, dy) => {
    const y = sigmoid(x)
    return dy.mul(y.sub(y.square()))
  },
)

/** Softmax over the last axis. */
export const softmax: (x: tf.Tensor) => tf.Tensor = differentiable(
  (x) => tf.softmax(x),
  (x, dy) => {
    const y = softmax(x)
    const part = dy.mul(y)
    return part.sub(y.mul(part.sum(-1, true)))
  },
)
