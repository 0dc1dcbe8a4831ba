// The activation functions of transformers by the words of config.json, differentiable to any order.

import { unknown } from '../errors/index.js'
import { differentiable, fuse, sigmoid, type Tensor, tf } from '../tensor/index.js'
import { type Config, KIND, read } from './config.js'

/** eˣ; the stock derivative reads its saved output, which a second derivative loses. */
export const exp: (x: Tensor) => Tensor = differentiable(
  (x) => x.exp(),
  (x, dy) => dy.mul(exp(x)),
)

export const tanh: (x: Tensor) => Tensor = differentiable(
  (x) => x.tanh(),
  (x, dy) => dy.sub(dy.mul(tanh(x).square())),
)

/** x·gate(x) as one step of a tape, so that only x is kept for the derivative gate(x) + x·slope(x). */
const gated = (gate: (x: Tensor) => Tensor, slope: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) =>
  differentiable(
    (x) => x.mul(gate(x)),
    (x, dy) => dy.mul(tf.tidy(() => gate(x)).add(tf.tidy(() => x.mul(slope(x))))),
  )

/** φ(x), the density of N(0, 1). */
const density = (x: Tensor) => exp(x.square().mul(-0.5)).mul(1 / Math.sqrt(2 * Math.PI))

/** Φ(x) = (1 + erf(x / √2)) / 2. */
const cumulated = differentiable(
  (x) => x.mul(Math.SQRT1_2).erf().add(1).mul(0.5),
  (x, dy) => dy.mul(density(x)),
)

/** (1 + tanh u) / 2 = sigmoid(2u), and wasm's sigmoid is many times as fast as its tanh. 2u = c·(x + 0.044715·x³). */
const C = 2 * Math.sqrt(2 / Math.PI)
const tanhGate = (x: Tensor) => sigmoid(x.mul(x.square().mul(0.044715).add(1)).mul(C))
const nearGelu = gated(tanhGate, (x) => {
  const y = tanhGate(x)
  return y.sub(y.square()).mul(
    x
      .square()
      .mul(3 * 0.044715 * C)
      .add(C),
  )
})

const quickGate = (x: Tensor) => sigmoid(x.mul(1.702))

const exactGelu = gated(cumulated, density)

const geluBy = fuse('gelu', ([x], { near }) => (near ? nearGelu : exactGelu)(x!))
const gelu = (x: Tensor): Tensor => geluBy([x], { near: false })
const geluTanh = (x: Tensor): Tensor => geluBy([x], { near: true })

/** Not tf.relu, which makes 0 of a NaN with a sign on wasm (what inf − inf gives): weights beyond float32 would go unseen. */
const relu = differentiable(
  (x) => x.mul(x.step()),
  (x, dy) => dy.mul(x.step()),
)
const silu = (x: Tensor) => x.mul(sigmoid(x))

const siluTimes = fuse('siluTimes', ([gate, up]) => silu(gate!).mul(up!))

/** activation(gate)·up. */
export const gateBy = (activation: (x: Tensor) => Tensor, gate: Tensor, up: Tensor): Tensor =>
  activation === silu ? siluTimes([gate, up], {}) : activation(gate).mul(up)

export const ACTIVATIONS: Record<string, (x: Tensor) => Tensor> = {
  gelu,
  gelu_python: gelu,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  quick_gelu: gated(quickGate, (x) => {
    const y = quickGate(x)
    return y.sub(y.square()).mul(1.702)
  }),
  relu,
  silu,
  swish: silu,
  tanh,
}

/** @param key the word's key in config.json */
export function activationOf(config: Config, key: string, fallback: string): (x: Tensor) => Tensor {
  const word = read(config, key, KIND.word, fallback)
  if (!Object.hasOwn(ACTIVATIONS, word)) throw unknown(`${key} in config.json`, word, Object.keys(ACTIVATIONS))
  return ACTIVATIONS[word]!
}
