// Writes rows into a tensor where it stands. TensorFlow.js knows no such operation: tensors do not change there.

import { tf } from './tf.js'
import type { WasmBackend } from './wasm-heap.js'

/** What is used of tfjs-node's backend: operations of TensorFlow by name. */
interface NativeBackend extends tf.KernelBackend {
  binding: { TF_ATTR_TYPE: number; TF_FLOAT: number }
  executeSingleOutput(name: string, attributes: object[], inputs: tf.TensorInfo[]): tf.Tensor
}

/** The same values: the tensor is changed, and given back. */
function shared(into: tf.TensorInfo, backend: tf.KernelBackend): tf.TensorInfo {
  backend.incRef(into.dataId)
  return { dataId: into.dataId, shape: into.shape, dtype: into.dtype }
}

const KERNEL = 'PutRows'
type Inputs = Record<'into' | 'at' | 'rows', tf.TensorInfo>

/** Kernels of the backends that can. Registered at the first use. */
const KERNELS: Record<string, (inputs: Inputs, backend: never) => tf.TensorInfo> = {
  wasm({ into, at, rows }, backend: WasmBackend) {
    const [to, places, from] = [into, at, rows].map((tensor) => backend.typedArrayFromHeap(tensor))
    const width = into.shape[1]!
    for (let i = 0; i < places!.length; i++) to!.set(from!.subarray(i * width, (i + 1) * width), places![i]! * width)
    return shared(into, backend)
  },
  tensorflow({ into, at, rows }, backend: NativeBackend) {
    const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding
    const attributes = [{ name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT }]
    // Its output is the same memory.
    backend.executeSingleOutput('InplaceUpdate', attributes, [into, at, rows]).dispose()
    return shared(into, backend)
  },
}

/**
 * Row i of `rows` [n, width] over row at[i] of `into` [count, width]. Nobody else may hold `into`: where the backend can, it is
 * changed; else a copy is. The caller disposes both. Not differentiable.
 */
export function putRows(into: tf.Tensor, at: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  const backendName = tf.getBackend()
  const kernel = KERNELS[backendName]
  if (!kernel) return tf.tidy(() => tf.tensorScatterUpdate(into, at.expandDims(1), rows))
  if (!tf.getKernel(KERNEL, backendName))
    tf.registerKernel({
      kernelName: KERNEL,
      backendName,
      kernelFunc: ({ inputs, backend }) => kernel(inputs as Inputs, backend as never),
    })
  return tf.engine().runKernel(KERNEL, { into, at, rows } as unknown as tf.NamedTensorMap) as tf.Tensor
}
