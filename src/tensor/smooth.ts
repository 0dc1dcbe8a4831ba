// Softmax and sigmoid that can be differentiated to any order. The stock ones save their output for the derivative, and
// the tape of TensorFlow.js loses saved outputs in a second derivative (Hessian-vector products came out wrong by 20–80 %).
// Here the derivative computes the function again from its input.
import { tf } from './tf.js'

/** A unary function with a derivative in differentiable operations: `derivative(x, dy)`. */
export function differentiable(
  value: (x: tf.Tensor) => tf.Tensor,
  derivative: (x: tf.Tensor, dy: tf.Tensor) => tf.Tensor,
) {
  return (x: tf.Tensor): tf.Tensor =>
    tf.customGrad((x, save) => {
      ;(save as (tensors: tf.Tensor[]) => void)([x as tf.Tensor]) // the forward pass is tidied away; saved inputs stay
      return {
        value: value(x as tf.Tensor),
        gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.tidy(() => derivative(saved!, dy)),
      }
    })(x)
}

/** Gradients of `f` inside of a derivative: where TensorFlow.js ends a tape it forgets the one that it goes back on. */
export function gradsWithin(f: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const { state } = tf.engine()
  const { activeTape } = state
  try {
    return tf.grads(f)(xs, dy)
  } finally {
    state.activeTape = activeTape
  }
}

/** Whether what is made now is for a derivative of a derivative: what lies outside of both alone is there in the second one. */
export const isDerivedTwice = (): boolean => tf.engine().state.gradientDepth > 1

/** 1 / (1 + e⁻ˣ), any shape. */
export const sigmoid: (x: tf.Tensor) => tf.Tensor = differentiable(
  (x) => x.sigmoid(),
  (x, dy) => {
    const y = sigmoid(x)
    return dy.mul(y.sub(y.square()))
  },
)

/**
 * 1 / √x, any shape, and NaN of ∞: a sum of squares beyond float32 must not make a norm 0. The stock derivative takes x^1.5, which is
 * beyond float32 from 5e25 on.
 */
export const rsqrt: (x: tf.Tensor) => tf.Tensor = differentiable(
  (x) => x.add(x.sub(x)).rsqrt(),
  (x, dy) => {
    const y = rsqrt(x)
    return dy.mul(y).mul(y).mul(y).mul(-0.5)
  },
)

/**
 * log Σ eˣ of each row: [n, classes] → [n]; without a derivative of its own. The wasm backend adds the entries of a row one after
 * the other, and is 3e-5 nats short of the sum of 32,000; ours adds in double precision (wasm-fused.ts).
 */
export function logSums(x: tf.Tensor2D): tf.Tensor1D {
  if (tf.getBackend() !== 'wasm') return tf.logSumExp(x, 1)
  return tf.engine().runKernel('LogSums', { x }) as tf.Tensor1D
}

/** Softmax over the last axis. */
export const softmax: (x: tf.Tensor) => tf.Tensor = differentiable(
  (x) => tf.softmax(x),
  (x, dy) => {
    const y = softmax(x)
    const part = dy.mul(y)
    return part.sub(y.mul(part.sum(-1, true)))
  },
)

/** [...] → [..., depth]: 1 at each index and 0 elsewhere, also where the index is beyond. The stock one has at least two entries. */
export function oneHot(indices: tf.Tensor, depth: number): tf.Tensor {
  const rows = tf.oneHot(indices.toInt(), Math.max(depth, 2)).toFloat()
  return depth < 2 ? tf.split(rows, 2, -1)[0]! : rows
}
