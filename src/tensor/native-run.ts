// Runs operations of TensorFlow's library one after the other on its own handles. Between them there is no tensor of TensorFlow.js,
// whose bookkeeping takes longer than many of these operations.
import type { tf } from './tf.js'

/** A value in the library. */
export interface Handle {
  id: number
  shape: number[]
}

interface Attribute {
  name: string
  type: number
  value: unknown
}

/** The parts of tfjs-node's backend that are used. */
export interface NativeBackend extends tf.KernelBackend {
  binding: {
    TF_FLOAT: number
    TF_INT32: number
    TF_ATTR_BOOL: number
    TF_ATTR_INT: number
    TF_ATTR_STRING: number
    TF_ATTR_TYPE: number
    executeOp(name: string, attributes: readonly Attribute[], ids: readonly number[], outputs: number): Handle[]
    createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number
    deleteTensor(id: number): void
    isUsingGpuDevice(): boolean
  }
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[]
  createOutputTensor(handle: Handle): tf.Tensor
}

/** Operations on handles; what they make is freed when `compute` ends. */
export interface Run {
  /** An operation whose tensors are all float32. */
  (operation: string, ...inputs: Handle[]): Handle
  /** Those of two outputs. */
  both(operation: string, ...inputs: Handle[]): [Handle, Handle]
  product(a: Handle, b: Handle, transposed?: { a?: boolean; b?: boolean }): Handle
  /** Frees what is not needed any more. */
  free(...handles: Handle[]): void
  constant(values: number | readonly number[]): Handle
  reshape(x: Handle, shape: readonly number[]): Handle
  transpose(x: Handle, order: readonly number[]): Handle
  /** Along one axis, which stays with length 1 unless it is not kept. */
  reduce(operation: 'Mean' | 'Sum', x: Handle, axes: readonly number[], kept?: boolean): Handle
  /** The last axis turned by so many places. */
  roll(x: Handle, places: number): Handle
  softmax(x: Handle): Handle
}

/** oneDNN's softmax, several times as fast as the usual one; of the library's builds for x86. */
const MKL_SOFTMAX = '_MklSoftmax'

/** Makes `compute` for a backend. */
export function makeRunner(backend: NativeBackend) {
  const { binding } = backend
  const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value })
  const flag = (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value })
  const real = type('T', binding.TF_FLOAT)
  const FLOAT = [real]
  const RESHAPE = [real, type('Tshape', binding.TF_INT32)]
  const TRANSPOSE = [real, type('Tperm', binding.TF_INT32)]
  const ROLL = [real, type('Tshift', binding.TF_INT32), type('Taxis', binding.TF_INT32)]
  const LABELLED = [real, type('Tlabels', binding.TF_INT32)]
  const REDUCE = [true, false].map((kept) => [flag('keep_dims', kept), real, type('Tidx', binding.TF_INT32)])
  const products = (a: string, b: string) =>
    [false, true].map((first) => [false, true].map((second) => [flag(a, first), flag(b, second), real]))
  const PRODUCT = products('transpose_a', 'transpose_b')
  const BATCHED = products('adj_x', 'adj_y')
  const MKL = [real, { name: '_kernel', type: binding.TF_ATTR_STRING, value: 'MklNameChangeOp' }]

  /** Small tensors that the operations read (axes, shapes, numbers), made once. */
  const constants = new Map<string, Handle>()
  function constant(values: Float32Array | Int32Array, shape: number[]): Handle {
    const isFloat = values instanceof Float32Array
    const key = `${isFloat ? 'f' : 'i'}${shape.length}:${values}`
    const known = constants.get(key)
    if (known) return known
    const made = {
      id: binding.createTensor(shape, isFloat ? binding.TF_FLOAT : binding.TF_INT32, values),
      shape,
    }
    constants.set(key, made)
    return made
  }
  const whole = (values: readonly number[]) => constant(Int32Array.from(values), [values.length])

  const idOf = ({ id }: Handle) => id
  const execute = (name: string, attributes: readonly Attribute[], inputs: readonly Handle[], count = 1): Handle[] =>
    backend.binding.executeOp(name, attributes, inputs.map(idOf), count)

  function softmaxOp(): [string, readonly Attribute[]] {
    if (binding.isUsingGpuDevice()) return ['Softmax', FLOAT]
    const probe = { id: binding.createTensor([1, 2], binding.TF_FLOAT, new Float32Array(2)), shape: [1, 2] }
    try {
      const [made] = execute(MKL_SOFTMAX, MKL, [probe])
      binding.deleteTensor(made!.id)
      return [MKL_SOFTMAX, MKL]
    } catch {
      return ['Softmax', FLOAT]
    } finally {
      binding.deleteTensor(probe.id)
    }
  }
  const softmax = softmaxOp()

  /**
   * Tensors to tensors by operations on handles.
   * @param work gives the handles of the results
   */
  return function compute(
    inputs: readonly tf.TensorInfo[],
    work: (run: Run, inputs: Handle[]) => Handle[],
  ): tf.Tensor[] {
    const made = new Set<Handle>()
    const call = (name: string, attributes: readonly Attribute[], given: readonly Handle[]): Handle => {
      const [output] = execute(name, attributes, given)
      made.add(output!)
      return output!
    }
    const run: Run = Object.assign((name: string, ...given: Handle[]) => call(name, FLOAT, given), {
      both(name: string, ...given: Handle[]) {
        const outputs = execute(name, LABELLED, given, 2) as [Handle, Handle]
        for (const output of outputs) made.add(output)
        return outputs
      },
      product(a: Handle, b: Handle, turned: { a?: boolean; b?: boolean } = {}) {
        const [first, second] = [Number(turned.a ?? false), Number(turned.b ?? false)]
        return a.shape.length === 2
          ? call('MatMul', PRODUCT[first]![second]!, [a, b])
          : call('BatchMatMulV2', BATCHED[first]![second]!, [a, b])
      },
      free(...handles: Handle[]) {
        for (const handle of handles) if (made.delete(handle)) binding.deleteTensor(handle.id)
      },
      constant: (values: number | readonly number[]) =>
        typeof values === 'number'
          ? constant(Float32Array.of(values), [])
          : constant(Float32Array.from(values), [values.length]),
      reshape: (x: Handle, shape: readonly number[]) => call('Reshape', RESHAPE, [x, whole(shape)]),
      transpose: (x: Handle, order: readonly number[]) => call('Transpose', TRANSPOSE, [x, whole(order)]),
      reduce: (name: 'Mean' | 'Sum', x: Handle, axes: readonly number[], kept = true) =>
        call(name, REDUCE[kept ? 0 : 1]!, [x, whole(axes)]),
      roll: (x: Handle, places: number) => call('Roll', ROLL, [x, whole([places]), whole([x.shape.length - 1])]),
      softmax: (x: Handle) => call(...softmax, [x]),
    })
    const ids = backend.getInputTensorIds(inputs)
    try {
      const results = work(
        run,
        inputs.map(({ shape }, i) => ({ id: ids[i]!, shape })),
      )
      for (const result of results) made.delete(result)
      return results.map((result) => backend.createOutputTensor(result))
    } finally {
      for (const { id } of made) binding.deleteTensor(id)
    }
  }
}

export type Compute = ReturnType<typeof makeRunner>
