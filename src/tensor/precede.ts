// Kernels of ours in place of a backend's own.
import { tf } from './tf.js'

/** Puts a kernel in front of the stock one, which takes what it declines: that for which it returns null. */
export function precede(
  backend: string,
  name: string,
  kernel: (call: Parameters<tf.KernelFunc>[0]) => ReturnType<tf.KernelFunc> | null,
): void {
  const stock = tf.getKernel(name, backend)
  tf.unregisterKernel(name, backend)
  tf.registerKernel({ ...stock, kernelFunc: (call) => kernel(call) ?? stock.kernelFunc(call) })
}
