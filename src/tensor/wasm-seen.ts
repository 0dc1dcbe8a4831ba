// Kernels of generation on wasm: a cache that changes where it stands, and one token's attention to it (kernels/assembly: moves, softmax).
import type { HeapThreads } from './heap-threads.js'
import { type AttendSeen, type PutRows, SEEN } from './seen.js'
import { tf } from './tf.js'
import { addressOf, type WasmBackend } from './wasm-heap.js'

/** Multiply-adds that take as long as an exponential. */
const EXPONENTIAL = 40

export function registerWasmSeen(backend: WasmBackend, threads: HeapThreads): void {
  const at = (x: tf.TensorInfo) => addressOf(backend, x)
  tf.registerKernel({
    kernelName: SEEN.put,
    backendName: 'wasm',
    kernelFunc({ inputs }) {
      const { into, at: places, rows } = inputs as unknown as PutRows
      const [count, width] = rows.shape as [number, number]
      threads.run('putRows', [at(rows), at(places), at(into), width], count, count * width)
      backend.incRef(into.dataId)
      return { dataId: into.dataId, shape: into.shape, dtype: into.dtype }
    },
  })
  tf.registerKernel({
    kernelName: SEEN.attend,
    backendName: 'wasm',
    kernelFunc({ inputs, attrs }) {
      const { q, keys, values, mask } = inputs as Record<'q' | 'keys' | 'values', tf.TensorInfo> & {
        mask?: tf.TensorInfo
      }
      const { rows, heads, kvHeads, capacity, length, scale } = attrs as unknown as AttendSeen
      const width = q.shape[1]! / heads
      const out = backend.makeOutput(q.shape, 'float32')
      const [maskRows, maskHeads] = mask?.shape ?? [1, 1]
      const steps = [maskRows! > 1 ? maskHeads! : 0, maskHeads! > 1 ? 1 : 0]
      const numbers = [at(q), at(keys), at(values), mask ? at(mask) : 0, at(out), heads, heads / kvHeads, capacity]
      numbers.push(length, width, scale, ...steps)
      threads.run('attendSeen', numbers, rows * heads, rows * heads * length * (2 * width + EXPONENTIAL))
      return out
    },
  })
}
