// Makes the wasm backend fast and safe. Matrix products use our own SIMD kernel: the stock one uses a scalar loop for transposed and
// batched products. The kernel for gradients of gather is added. A full heap (4 GiB) is an error instead of silent corruption.
import { asShared } from '../kernels/index.js'
import { mayFuse } from './fma.js'
import { HeapThreads } from './heap-threads.js'
import { precede } from './precede.js'
import { tf } from './tf.js'
import { registerWasmFused, sumRows, sumSegments } from './wasm-fused.js'
import { addressOf, type WasmBackend } from './wasm-heap.js'
import { registerWasmSeen } from './wasm-seen.js'

/** Wraps the heap's allocator to throw where it would return 0 and TensorFlow.js would then write at address 0. */
function guardAllocation({ wasm }: WasmBackend) {
  wasm._free(wasm._malloc(16)) // Emscripten rebinds _malloc at its first call and would drop the wrapper.
  const allocate = wasm._malloc
  wasm._malloc = (bytes) => {
    const address = allocate(bytes)
    if (address === 0 && bytes > 0)
      throw new Error(`the wasm heap (4 GiB) is full: ${bytes} bytes could not be allocated`)
    return address
  }
}

function registerMatMul(backend: WasmBackend, threads: HeapThreads) {
  precede('wasm', 'BatchMatMul', ({ inputs, attrs }) => {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo }
    const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean }
    const [aRows, aColumns] = a.shape.slice(-2)
    const [bRows, bColumns] = b.shape.slice(-2)
    const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns]
    const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns]
    if (k !== inner)
      throw new Error(`matMul: inner sizes ${k} and ${inner} differ (shapes [${a.shape}] and [${b.shape}])`)
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
    const batchA = tf.util.sizeFromShape(a.shape.slice(0, -2))
    const batchB = tf.util.sizeFromShape(b.shape.slice(0, -2))
    if (batchA !== batchB && batchA !== 1 && batchB !== 1)
      throw new Error(`matMul: batches [${a.shape}] and [${b.shape}] differ`)
    const out = backend.makeOutput([...outer, m!, n!], 'float32')
    const numbers = [a, b, out].map((tensor) => addressOf(backend, tensor))
    numbers.push(m!, n!, k!, Number(transposeA), Number(transposeB))
    const batch = Math.max(batchA, batchB)
    const work = batch * m! * n! * k!
    if (batch === 1 && k! > 0) {
      // The operand that is not divided is packed by each thread: the smaller one.
      const across = n! > m!
      const units = Math.ceil((across ? n! : m!) / threads.gemmPanel(across))
      threads.run(mayFuse() ? 'gemmPanelsFma' : 'gemmPanels', [...numbers, Number(across)], units, work)
    } else {
      const strides = [batchA === 1 ? 0 : m! * k!, batchB === 1 ? 0 : k! * n!]
      threads.run(mayFuse() ? 'gemmBatchFma' : 'gemmBatch', [...numbers, ...strides], batch, work)
    }
    return out
  })
}

/** Sum of the rows of x [n, …] into `numSegments` rows by id: the gradient of gather, absent from the stock backend. */
function registerSegmentSum(backend: WasmBackend, threads: HeapThreads) {
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc({ inputs, attrs }) {
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo }
      const { numSegments } = attrs as unknown as { numSegments: number }
      const rows = tf.util.sizeFromShape(segmentIds.shape)
      const width = tf.util.sizeFromShape(x.shape) / rows
      const out = backend.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], 'float32')
      backend.typedArrayFromHeap(out).fill(0)
      const [from, ids, to] = [x, segmentIds, out].map((tensor) => addressOf(backend, tensor))
      sumSegments(threads, [from!, ids!, to!, numSegments, rows, width])
      return out
    },
  })
}

/** Rows of x [n, …] by id, copied whole; the stock kernel, which copies entry by entry, keeps every other kind of gather. */
function registerGather(backend: WasmBackend, threads: HeapThreads) {
  precede('wasm', 'GatherV2', (call) => {
    const { x, indices } = call.inputs as { x: tf.TensorInfo; indices: tf.TensorInfo }
    const { axis, batchDims } = call.attrs as unknown as { axis: number; batchDims: number }
    if (axis !== 0 || batchDims !== 0 || x.dtype !== 'float32') return null
    const width = tf.util.sizeFromShape(x.shape) / x.shape[0]!
    const out = backend.makeOutput([...indices.shape, ...x.shape.slice(1)], 'float32')
    const ids = backend.typedArrayFromHeap(indices)
    for (const id of ids)
      if (id < 0 || id >= x.shape[0]!) throw new Error(`gather: index ${id} is outside [0, ${x.shape[0]})`)
    const numbers = [x, indices, out].map((tensor) => addressOf(backend, tensor))
    threads.run('takeRows', [...numbers, width], ids.length, ids.length * width)
    return out
  })
}

/** Blocks of `width` values from `start` on, one out of every `stride`, side by side into a new tensor. */
function copyBlocks(
  backend: WasmBackend,
  x: tf.TensorInfo,
  shape: number[],
  { start, stride, width }: { start: number; stride: number; width: number },
): tf.TensorInfo {
  const out = backend.makeOutput(shape, x.dtype)
  const [from, to] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(out)]
  for (let at = 0; at < to.length; at += width, start += stride) to.set(from.subarray(start, start + width), at)
  return out
}

/** A contiguous slice, and the pieces of a split: the stock kernels copy the whole tensor for each of them. */
function registerSlices(backend: WasmBackend) {
  precede('wasm', 'Slice', (call) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    const given = call.attrs as unknown as { begin: number[]; size: number[] }
    const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, given.begin, given.size) as [
      number[],
      number[],
    ]
    const width = tf.util.sizeFromShape(size)
    if (x.dtype === 'string' || !tf.slice_util.isSliceContinous(x.shape, begin, size)) return null
    const start = tf.slice_util.computeFlatOffset(begin, tf.util.computeStrides(x.shape))
    return copyBlocks(backend, x, size, { start: x.shape.length ? start : 0, stride: width, width })
  })
  precede('wasm', 'SplitV', (call) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    if (x.dtype === 'string') return null
    const { numOrSizeSplits, axis } = call.attrs as unknown as { numOrSizeSplits: number | number[]; axis: number }
    const at = tf.util.parseAxisParam(axis, x.shape)[0]!
    const inner = tf.util.sizeFromShape(x.shape.slice(at + 1))
    let start = 0
    return tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, at).map((size) => {
      const shape = x.shape.map((side, axis) => (axis === at ? size : side))
      const block = { start, stride: x.shape[at]! * inner, width: size * inner }
      start += block.width
      return copyBlocks(backend, x, shape, block)
    })
  })
}

/** A clone that shares the values: the stock kernel copies them, and every tensor that a derivative saves is a clone. */
function registerIdentity() {
  precede('wasm', 'Identity', ({ inputs, backend }) => {
    const { x } = inputs as { x: tf.TensorInfo }
    ;(backend as tf.KernelBackend).incRef(x.dataId)
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype }
  })
}

/** A cast to the type that a tensor has is a clone: derivatives of products and sums cast, and the stock kernel copies. */
function registerCast() {
  precede('wasm', 'Cast', (call) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    const { dtype } = call.attrs as unknown as { dtype: tf.DataType }
    if (dtype !== x.dtype || dtype === 'string') return null
    ;(call.backend as tf.KernelBackend).incRef(x.dataId)
    return { dataId: x.dataId, shape: x.shape, dtype }
  })
}

/** A sum over the first axes, which the stock kernel transposes for: the derivative of what is broadcast over rows. */
function registerSum(backend: WasmBackend, threads: HeapThreads) {
  precede('wasm', 'Sum', (call) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean }
    const axes = tf.util.parseAxisParam(axis, x.shape)
    const isFirst = axes.length < x.shape.length && axes.every((each, i) => each === i)
    if (!isFirst || x.dtype !== 'float32') return null
    const rest = x.shape.slice(axes.length)
    const [size, width] = [x.shape, rest].map((shape) => tf.util.sizeFromShape(shape)) as [number, number]
    const out = backend.makeOutput(keepDims ? [...axes.map(() => 1), ...rest] : rest, 'float32')
    if (width > 0) sumRows(threads, [addressOf(backend, x), addressOf(backend, out), size / width, width])
    return out
  })
}

/** Installs the kernels and the allocation guard on the current wasm backend, once. @param threads that compute, with this one */
export function prepareWasm(threads: number) {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm')) return
  const backend = tf.backend() as unknown as WasmBackend
  guardAllocation(backend)
  const { memory } = backend.wasm.asm
  const isShared = memory.buffer instanceof SharedArrayBuffer
  const pool = new HeapThreads(memory, (bytes) => backend.wasm._malloc(bytes) >>> 0, isShared ? threads : 1)
  registerMatMul(backend, pool)
  registerWasmFused(backend, pool)
  registerSegmentSum(backend, pool)
  registerIdentity()
  registerCast()
  registerSum(backend, pool)
  registerGather(backend, pool)
  registerSlices(backend)
  registerWasmSeen(backend, pool)
}

/** Does `start`, which starts the wasm backend, so that its heap can be shared with other threads; where the system has no such memory, it is not. */
export async function withSharedHeap<T>(start: () => Promise<T>): Promise<T> {
  const { instantiate: stock } = WebAssembly
  const shared = async (bytes: Uint8Array<ArrayBuffer>, imports?: WebAssembly.Imports) => {
    try {
      return await stock(asShared(bytes), imports)
    } catch {
      return stock(bytes, imports)
    }
  }
  WebAssembly.instantiate = shared as typeof WebAssembly.instantiate
  try {
    return await start()
  } finally {
    WebAssembly.instantiate = stock
  }
}
