// The activation functions of transformers by the words of config.json, differentiable to any order.
import { differentiable, sigmoid, type Tensor } from '../tensor/index.js'
import { unknown } from '../errors/index.js'

/** eˣ; the stock derivative reads its saved output, which a second derivative loses. */
export const exp: (x: Tensor) => Tensor = differentiable(
  (x) => x.exp(),
  (x, dy) => dy.mul(exp(x)),
)

export const tanh: (x: Tensor) => Tensor = differentiable(
  (x) => x.tanh(),
  (x, dy) => dy.sub(dy.mul(tanh(x).square())),
)

/** Φ(x) = (1 + erf(x / √2)) / 2. */
const normalCdf: (x: Tensor) => Tensor = differentiable(
  (x) => x.mul(Math.SQRT1_2).erf().add(1).mul(0.5),
  (x, dy) => dy.mul(exp(x.square().mul(-0.5))).mul(1 / Math.sqrt(2 * Math.PI)),
)

const gelu = (x: Tensor) => x.mul(normalCdf(x))

/** (1 + tanh u) / 2 = sigmoid(2u), and wasm's sigmoid is many times as fast as its tanh. */
const geluTanh = (x: Tensor) => x.mul(sigmoid(x.mul(x.square().mul(0.044715).add(1)).mul(2 * Math.sqrt(2 / Math.PI))))

export const ACTIVATIONS: Record<string, (x: Tensor) => Tensor> = {
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  quick_gelu: (x) => x.mul(sigmoid(x.mul(1.702))),
  relu: (x) => x.relu(),
  silu: (x) => x.mul(sigmoid(x)),
}

/** @param key the word's key in config.json */
export function activationOf(config: Record<string, unknown>, key: string, fallback: string): (x: Tensor) => Tensor {
  const word = String(config[key] ?? fallback)
  const found = ACTIVATIONS[word]
  if (!found) throw unknown(`${key} in config.json`, word, Object.keys(ACTIVATIONS))
  return found
}
