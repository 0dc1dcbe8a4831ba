// Kernels of generation on TensorFlow's library: a cache that changes where it stands, and one token's attention to it.
import type { Compute } from './native-run.js'
import { type AttendSeen, type PutRows, SEEN } from './seen.js'
import { tf } from './tf.js'

export function registerSeen(backendName: string, compute: Compute): void {
  tf.registerKernel({
    kernelName: SEEN.put,
    backendName,
    kernelFunc({ inputs, backend }) {
      const { into, at, rows } = inputs as unknown as PutRows
      // The output is the same memory.
      compute([into, at, rows], (run, handles) => {
        run.op('InplaceUpdate', ...handles)
        return []
      })
      ;(backend as tf.KernelBackend).incRef(into.dataId)
      return { dataId: into.dataId, shape: into.shape, dtype: into.dtype }
    },
  })
  tf.registerKernel({
    kernelName: SEEN.attend,
    backendName,
    kernelFunc({ inputs, attrs }) {
      const { q, keys, values, mask } = inputs as {
        q: tf.TensorInfo
        keys: tf.TensorInfo
        values: tf.TensorInfo
        mask?: tf.TensorInfo
      }
      const { rows, heads, kvHeads, capacity, scale } = attrs as unknown as AttendSeen
      const headDim = q.shape[1]! / heads
      const [folded, whole] = [
        [rows * kvHeads, heads / kvHeads],
        [rows * kvHeads, capacity, headDim],
      ]
      return compute(mask ? [q, keys, values, mask] : [q, keys, values], (run, [q, keys, values, mask]) => {
        const queries = run.reshape(run.op('Mul', q!, run.constant(scale)), [...folded, headDim])
        const products = run.product(queries, run.reshape(keys!, whole), { b: true })
        const scores = run.reshape(products, [rows, heads, 1, capacity])
        const weights = run.softmax(mask ? run.op('AddV2', scores, mask) : scores)
        const mixed = run.product(run.reshape(weights, [...folded, capacity]), run.reshape(values!, whole))
        return [run.reshape(mixed, [rows, heads * headDim])]
      })[0]!
    },
  })
}
