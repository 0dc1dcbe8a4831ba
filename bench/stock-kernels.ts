// The kernels of stock tfjs-backend-wasm beside ours, to measure both in one process. The stock backend lacks the gradient of
// gather altogether; it is lent ours, and keeps its own matrix product, gather and clones.
import { createRequire } from 'node:module'
import { setBackend, tf } from '../src/tensor/index.js'

const KERNELS = ['BatchMatMul', 'GatherV2', 'Identity']

/** Starts the wasm backend with our kernels; the functions switch between the sets. */
export async function kernelSets(): Promise<{ ours(): void; stock(): void }> {
  createRequire(import.meta.url)('@tensorflow/tfjs-backend-wasm')
  const present = () => KERNELS.map((name) => tf.getKernel(name, 'wasm'))
  const stock = present()
  await setBackend('wasm')
  const ours = present()
  const use = (chosen: typeof ours) => () =>
    chosen.forEach((kernel) => {
      tf.unregisterKernel(kernel.kernelName, 'wasm')
      tf.registerKernel(kernel)
    })
  return { ours: use(ours), stock: use(stock) }
}
