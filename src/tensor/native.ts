// Makes TensorFlow's own library fast: kernels in place of those of tfjs-node that do more than is asked, and kernels of the fused
// functions (fused.ts).
import { registerNativeFused } from './native-fused.js'
import { prepareReplays } from './native-replay.js'
import { makeCompute, type NativeBackend } from './native-run.js'
import { registerSeen } from './native-seen.js'
import { precede } from './precede.js'
import { tf } from './tf.js'

const NAME = 'tensorflow'

/** The stock derivatives of sums and means upload as many ones as there are values. The library makes them: the same bits on every backend. */
function spareOnes() {
  for (const kernelName of ['Sum', 'Mean']) {
    tf.unregisterGradient(kernelName)
    tf.registerGradient({
      kernelName,
      inputsToSave: ['x'],
      gradFunc(dy, [x], attrs) {
        const axes = tf.util.parseAxisParam((attrs as { axis: number | number[] }).axis, x!.shape)
        const kept = x!.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
        const spread = () => (dy as tf.Tensor).reshape(kept).mul(tf.onesLike(x!))
        const count = axes.reduce((product, axis) => product * x!.shape[axis]!, 1)
        return { x: () => (kernelName === 'Sum' ? spread() : spread().div(count)) }
      },
    })
  }
}

let prepared: tf.KernelBackend | undefined

/** Installs the kernels on the current backend, once. */
export function prepareNative(): void {
  const backend = tf.backend() as NativeBackend
  if (prepared === backend) return
  prepared = backend
  const compute = makeCompute(backend)
  // A cast that changes nothing shares the values: many operations of TensorFlow.js begin with one.
  precede(NAME, 'Cast', ({ inputs, attrs }) => {
    const { x } = inputs as { x: tf.TensorInfo }
    if ((attrs as unknown as { dtype: string }).dtype !== x.dtype) return null
    backend.incRef(x.dataId)
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype }
  })
  registerSeen(NAME, compute)
  // The product of two matrices costs less than a batch of one.
  precede(NAME, 'BatchMatMul', ({ inputs, attrs }) => {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo }
    const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean }
    if (a.shape.length !== 2 || b.shape.length !== 2 || a.dtype !== 'float32' || b.dtype !== 'float32') return null
    return compute([a, b], (run, [x, y]) => [run.product(x!, y!, { a: transposeA, b: transposeB })])[0]!
  })
  // The stock kernel reads the numbers, to see whether there are such slices. The library sees it, too.
  precede(NAME, 'GatherV2', ({ inputs, attrs }) => {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo }
    const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number }
    if (x.dtype !== 'float32' || indices.dtype !== 'int32' || batchDims !== 0) return null
    return compute([x, indices], (run, [values, numbers]) => [run.gather(values!, numbers!, axis)])[0]!
  })
  // The stock kernel leaves it to the library to find the type, which no graph does.
  precede(NAME, 'ExpandDims', ({ inputs, attrs }) => {
    const { input } = inputs as { input: tf.TensorInfo }
    if (input.dtype !== 'float32') return null
    const { dim } = attrs as unknown as { dim: number }
    const shape = [...input.shape]
    shape.splice(dim < 0 ? dim + shape.length + 1 : dim, 0, 1)
    return compute([input], (run, [x]) => [run.reshape(x!, shape)])[0]!
  })
  precede(NAME, 'Softmax', ({ inputs, attrs }) => {
    const { logits } = inputs as { logits: tf.TensorInfo }
    const { dim } = attrs as unknown as { dim: number }
    if (logits.dtype !== 'float32' || !logits.shape.length || dim !== logits.shape.length - 1) return null
    return compute([logits], (run, [x]) => [run.softmax(x!)])[0]!
  })
  registerNativeFused(NAME, compute)
  spareOnes()
  prepareReplays(backend)
}
