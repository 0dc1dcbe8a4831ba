// The heap of the TensorFlow.js wasm backend: where its tensors lie, and kernels of our own on it.
import { instantiate } from '../kernels/index.js'
import type { tf } from './tf.js'

/** The parts of the TensorFlow.js wasm backend that kernels use. */
export interface WasmBackend extends tf.KernelBackend {
  wasm: {
    _malloc(bytes: number): number
    _free(address: number): void
    asm: { memory: WebAssembly.Memory }
    HEAPU8: Uint8Array
  }
  dataIdMap: { get(id: object): { memoryOffset: number } }
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array | Int32Array | Uint8Array
}

/** Byte address of a tensor's values in the heap. */
export function addressOf(backend: WasmBackend, tensor: tf.TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset
}

/** Bytes of the heap. */
export const heapSize = ({ wasm }: WasmBackend): number => wasm.asm.memory.buffer.byteLength

/** Instantiates a compiled module of kernels on the backend's own heap, so that it reads and writes tensors in place. */
export function attachModule<T>(backend: WasmBackend, name: string): T {
  return instantiate(name, backend.wasm.asm.memory)
}
