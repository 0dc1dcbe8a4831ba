// A training step and a forward pass of a 0.84M-parameter Llama on wasm, one thread, against stock tfjs-backend-wasm. The
// stock backend lacks the gradient of gather altogether; it is lent ours, and keeps its own matrix product and clones.
import { createRequire } from 'node:module'
import { gradientOf, lossOf } from '../src/loss/index.js'
import { loadModel } from '../src/models/index.js'
import { setBackend, tf, type Batch } from '../src/tensor/index.js'
import { compare, type Ratio } from './ratio.js'

const KERNELS = ['BatchMatMul', 'Identity']

export async function run(): Promise<Ratio[]> {
  createRequire(import.meta.url)('@tensorflow/tfjs-backend-wasm')
  const kernels = () => KERNELS.map((name) => tf.getKernel(name, 'wasm'))
  const stock = kernels()
  await setBackend('wasm')
  const ours = kernels()
  const use = (chosen: typeof ours) => chosen.forEach((kernel) => {
    tf.unregisterKernel(kernel.kernelName, 'wasm')
    tf.registerKernel(kernel)
  })

  const model = loadModel({
    model_type: 'llama', hidden_size: 128, intermediate_size: 352, num_hidden_layers: 4, num_attention_heads: 4, num_key_value_heads: 2,
    vocab_size: 409, max_position_embeddings: 128, rope_theta: 1000,
  })
  const weights = Object.fromEntries(Object.entries(model.shapes).map(([name, shape]) =>
    [name, shape.length > 1 ? tf.randomNormal(shape, 0, shape[1] ** -0.5) : tf.ones(shape)]))
  const [rows, columns] = [32, 64]
  const ids = Int32Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 409)
  const batch: Batch = {
    rows, columns, ids, labels: ids, mask: new Int32Array(ids.length).fill(1),
    positions: ids.map((_, i) => i % columns), items: Int32Array.from({ length: rows }, (_, i) => i),
  }
  const measure = (name: string, goal: number, pass: () => Promise<unknown>) =>
    compare(name, goal, () => (use(ours), pass()), () => (use(stock), pass()), 3)
  const ratios = [
    await measure('training step (loss and gradient) of a 0.84M Llama, 2048 tokens, against stock wasm', 6, () => gradientOf(model, weights, [batch])),
    await measure('forward pass of the same', 2, () => lossOf(model, weights, [batch])),
  ]
  use(ours)
  return ratios
}
