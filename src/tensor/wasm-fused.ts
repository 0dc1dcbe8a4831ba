// The fused functions on wasm: one kernel for each value and derivative, on the heap itself (kernels/assembly: norms, gates, softmax, moves).
import { type FusedKernel, type FusedSettings, registerFused } from './fused.js'
import type { HeapKernelName } from './heap-kernels.js'
import type { HeapThreads } from './heap-threads.js'
import { tf } from './tf.js'
import { addressOf, type WasmBackend } from './wasm-heap.js'

type Tensor = tf.Tensor

/** Multiply-adds that take as long as an entry of a kernel that copies, and of one with exponentials. */
const PLAIN = 10
const EXPONENTIAL = 40
/** Entries of the panels in which kernels take columns and long rows. */
const PANEL = 16

/** The kernels on tensors. */
class RowKernels {
  constructor(
    private readonly backend: WasmBackend,
    private readonly threads: HeapThreads,
  ) {}

  at = (x: tf.TensorInfo): number => addressOf(this.backend, x)

  values = (x: tf.TensorInfo) => this.backend.typedArrayFromHeap(x)

  make(shape: number[]): Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.backend.makeOutput(shape, 'float32')) as Tensor
  }

  run(name: HeapKernelName, operands: (Tensor | number)[], units: number, work: number): void {
    const numbers = operands.map((each) => (typeof each === 'number' ? each : this.at(each)))
    if (units > 0) this.threads.run(name, numbers, units, work)
  }

  /** [outer, a, b, width] → [outer, b, a, width]; `shape` is what the result is called. */
  swap(x: Tensor, [outer, a, b]: readonly [number, number, number], shape: number[]): Tensor {
    const out = this.make(shape)
    this.run('swapAxes', [x, out, a, b, x.size / (outer * a * b)], outer * b, PLAIN * x.size)
    return out
  }
}

const widthOf = (x: Tensor): number => x.shape.at(-1)!

function rmsNorm(dense: RowKernels): FusedKernel<'rmsNorm'> {
  return {
    value([x, w]: Tensor[], { epsilon }, keep) {
      const [width, out] = [widthOf(x!), dense.make(x!.shape)]
      const rows = x!.size / width
      const factors = dense.make([rows])
      dense.run('rmsNorm', [x!, w!, out, factors, width, epsilon], rows, PLAIN * x!.size)
      keep(factors)
      return out
    },
    gradient([x, w]: Tensor[], dy, _, [factors]) {
      const [width, dx, dw] = [widthOf(x!), dense.make(x!.shape), dense.make(w!.shape)]
      const rows = x!.size / width
      dense.run('rmsNormPull', [x!, w!, dy, dx, factors!, width], rows, PLAIN * x!.size)
      dense.run('rmsNormWeightPull', [x!, dy, dw, factors!, rows, width], Math.ceil(width / PANEL), PLAIN * x!.size)
      return [dx, dw]
    },
  }
}

function standardize(dense: RowKernels): FusedKernel<'standardize'> {
  return {
    value([x]: Tensor[], { epsilon }, keep) {
      const [width, out] = [widthOf(x!), dense.make(x!.shape)]
      const rows = x!.size / width
      const factors = dense.make([rows])
      dense.run('standardize', [x!, out, factors, width, epsilon], rows, PLAIN * x!.size)
      keep(out, factors)
      return out
    },
    gradient([x]: Tensor[], dy, _, [out, factors]) {
      const [width, dx] = [widthOf(x!), dense.make(x!.shape)]
      dense.run('standardizePull', [out!, dy, dx, factors!, width], x!.size / width, PLAIN * x!.size)
      return [dx]
    },
  }
}

function gelu(dense: RowKernels): FusedKernel<'gelu'> {
  const work = ({ size }: Tensor) => [Math.ceil(size / PANEL), EXPONENTIAL * size] as const
  return {
    value([x]: Tensor[], { near }) {
      const out = dense.make(x!.shape)
      dense.run('gelu', [x!, out, x!.size, Number(near)], ...work(x!))
      return out
    },
    gradient([x]: Tensor[], dy, { near }) {
      const dx = dense.make(x!.shape)
      dense.run('geluPull', [x!, dy, dx, x!.size, Number(near)], ...work(x!))
      return [dx]
    },
  }
}

function siluTimes(dense: RowKernels): FusedKernel<'siluTimes'> {
  return {
    value([gate, up]: Tensor[]) {
      const [size, out] = [gate!.size, dense.make(gate!.shape)]
      dense.run('siluTimes', [gate!, up!, out, size], Math.ceil(size / PANEL), EXPONENTIAL * size)
      return out
    },
    gradient([gate, up]: Tensor[], dy) {
      const [size, dg, du] = [gate!.size, dense.make(gate!.shape), dense.make(gate!.shape)]
      dense.run('siluTimesPull', [gate!, up!, dy, dg, du, size], Math.ceil(size / PANEL), EXPONENTIAL * size)
      return [dg, du]
    },
  }
}

function rotate(dense: RowKernels): FusedKernel<'rotate'> {
  const turn = (x: Tensor, { cos, sin, half, turned }: FusedSettings['rotate'], back: boolean) => {
    const [width, out] = [half.shape[0]!, dense.make(x.shape)]
    dense.run('rotate', [x, cos, sin, out, width, turned / 2, Number(back)], x.size / width, PLAIN * x.size)
    return out
  }
  return {
    value: ([x]: Tensor[], settings) => turn(x!, settings, false),
    gradient: (_, dy, settings) => [turn(dy, settings, true)],
  }
}

/** How far apart the rows of a mask [rows, heads, columns, length] are, in rows; 0 where it has one for all. */
function stepsOf(mask: Tensor | null): [batch: number, head: number, column: number] {
  if (!mask) return [0, 0, 0]
  const [batch, heads, columns] = mask.shape as [number, number, number]
  return [batch > 1 ? heads * columns : 0, heads > 1 ? columns : 0, columns > 1 ? 1 : 0]
}

/** Heads side by side ↔ one after the other: [rows * columns, heads * headDim] → [rows * kvHeads, heads / kvHeads * columns, headDim]. */
function attend(dense: RowKernels): FusedKernel<'attend'> {
  type Sizes = { rows: number; heads: number; kvHeads: number }
  const open = (x: Tensor, { rows, heads, kvHeads }: Sizes): tf.Tensor3D => {
    const columns = x.shape[0]! / rows
    const shape = [rows * kvHeads, (heads / kvHeads) * columns, widthOf(x) / heads]
    return dense.swap(x, [rows, columns, heads], shape) as tf.Tensor3D
  }
  const close = (x: Tensor, like: Tensor, { rows, heads }: Sizes): Tensor =>
    dense.swap(x, [rows, heads, like.shape[0]! / rows], like.shape)
  const keySizes = (sizes: Sizes): Sizes => ({ ...sizes, heads: sizes.kvHeads })
  return {
    takes: ({ mask }) => !mask || mask.shape.length === 4,
    value([q, k, v]: Tensor[], { scale, mask, ...sizes }, keep) {
      const { rows, heads } = sizes
      const shares = tf.matMul(open(q!, sizes), open(k!, keySizes(sizes)), false, true)
      const [columns, length] = [q!.shape[0]! / rows, widthOf(shares)]
      dense.run(
        'maskedSoftmax',
        [shares, mask ?? 0, shares, length, scale, heads, columns, ...stepsOf(mask)],
        rows * heads * columns,
        EXPONENTIAL * shares.size,
      )
      keep(shares)
      return close(tf.matMul(shares, open(v!, keySizes(sizes))), q!, sizes)
    },
    gradient([q, k, v]: Tensor[], dy, { scale, ...sizes }, [shares]) {
      const [queries, pull] = [open(q!, sizes), open(dy, sizes)]
      const [keys, values] = [k!, v!].map((x) => open(x, keySizes(sizes))) as [tf.Tensor3D, tf.Tensor3D]
      const y = shares as tf.Tensor3D
      const dv = tf.matMul(y, pull, true)
      const change = tf.matMul(pull, values, false, true)
      const length = widthOf(y)
      dense.run('softmaxPull', [y, change, change, length, scale], y.size / length, PLAIN * y.size)
      const [dq, dk] = [tf.matMul(change, keys), tf.matMul(change, queries, true)]
      return [close(dq, q!, sizes), close(dk, k!, keySizes(sizes)), close(dv, v!, keySizes(sizes))]
    },
  }
}

function crossEntropies(dense: RowKernels): FusedKernel<'crossEntropies'> {
  return {
    value: ([logits]: Tensor[], { labels }) => {
      const losses = tf.engine().runKernel('LogSums', { x: logits! }) as Tensor
      const [all, of, sums] = [logits!, labels.toInt(), losses].map(dense.values) as [
        Float32Array,
        Int32Array,
        Float32Array,
      ]
      const classes = widthOf(logits!)
      for (let row = 0; row < sums.length; row++)
        if (of[row]! >>> 0 < classes) sums[row]! -= all[row * classes + of[row]!]!
      return losses
    },
    gradient([logits]: Tensor[], dy, { labels }) {
      const [rows, classes] = logits!.shape as [number, number]
      const dx = dense.make(logits!.shape)
      dense.run('entropyPull', [logits!, labels.toInt(), dy, dx, classes], rows, EXPONENTIAL * logits!.size)
      return [dx]
    },
  }
}

/** log Σ eˣ of each row, [n, classes] → [n], its sum in double precision; the stock kernel's is 3e-5 nats short for 32,000 classes. */
function registerLogSums(backend: WasmBackend, dense: RowKernels) {
  tf.registerKernel({
    kernelName: 'LogSums',
    backendName: 'wasm',
    kernelFunc({ inputs }) {
      const { x } = inputs as { x: tf.TensorInfo }
      const [rows, classes] = x.shape as [number, number]
      const parts = backend.makeOutput([4 * rows], 'float32')
      dense.run('sumExps', [dense.at(x), dense.at(parts), classes], rows, EXPONENTIAL * rows * classes)
      const out = backend.makeOutput([rows], 'float32')
      const sums = dense.values(out)
      const pairs = new Float64Array(sums.buffer, dense.at(parts), 2 * rows)
      for (let row = 0; row < rows; row++) sums[row] = pairs[2 * row]! + Math.log(pairs[2 * row + 1]!)
      backend.disposeData(parts.dataId)
      return out
    },
  })
}

/** Σ over the rows of x [rows, width]: addresses of x and of the sums, and the sizes. */
export function sumRows(threads: HeapThreads, numbers: readonly [x: number, out: number, rows: number, width: number]) {
  const [, , rows, width] = numbers
  threads.run('sumRows', numbers, Math.ceil(width / PANEL), PLAIN * rows * width)
}

/** Rows of x [rows, width] added to those of a sum [segments, width]: addresses of x, their numbers and the sum, and the sizes. */
export function sumSegments(
  threads: HeapThreads,
  numbers: readonly [x: number, at: number, into: number, segments: number, rows: number, width: number],
) {
  const [rows, width] = numbers.slice(-2) as [number, number]
  threads.run('addRows', numbers, Math.ceil(width / PANEL), PLAIN * rows * width)
}

export function registerWasmFused(backend: WasmBackend, threads: HeapThreads): void {
  const dense = new RowKernels(backend, threads)
  registerLogSums(backend, dense)
  registerFused('rmsNorm', 'wasm', rmsNorm(dense))
  registerFused('standardize', 'wasm', standardize(dense))
  registerFused('gelu', 'wasm', gelu(dense))
  registerFused('siluTimes', 'wasm', siluTimes(dense))
  registerFused('rotate', 'wasm', rotate(dense))
  registerFused('attend', 'wasm', attend(dense))
  registerFused('crossEntropies', 'wasm', crossEntropies(dense))
}
