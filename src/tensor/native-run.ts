// Runs operations of TensorFlow's library one after the other on its own handles. Between them there is no tensor of TensorFlow.js,
// whose bookkeeping takes longer than many of these operations.
import type { tf } from './tf.js'

/** A value in the library. */
export interface Handle {
  id: number
  shape: number[]
}

/** What an operation is told; `type` is the kind of the value. */
export interface Attribute {
  name: string
  type: number
  value: unknown
}

/** The parts of tfjs-node's binding that are used. */
export interface NativeBinding {
  TF_FLOAT: number
  TF_INT32: number
  TF_BOOL: number
  TF_ATTR_BOOL: number
  TF_ATTR_INT: number
  TF_ATTR_STRING: number
  TF_ATTR_TYPE: number
  TF_Version: string
  executeOp(name: string, attributes: readonly Attribute[], ids: readonly number[], outputs: number): Handle[]
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): ArrayLike<unknown>
  isUsingGpuDevice(): boolean
  /** @param folder of a file saved_model.pb @returns the number of a session */
  loadSavedModel(folder: string, tag: string): number
  /** @param inputs names of the tensors that are given, with commas between them; `outputs` those of the tensors that are made */
  runSavedModel(session: number, ids: readonly number[], inputs: string, outputs: string): Handle[]
  deleteSavedModel(session: number): void
}

/** The parts of tfjs-node's backend that are used. */
export interface NativeBackend extends tf.KernelBackend {
  binding: NativeBinding
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[]
  createOutputTensor(handle: Handle): tf.Tensor
}

/** oneDNN's softmax, several times as fast as the usual one; of the library's builds for x86. In a graph it takes the place of the other. */
const MKL_SOFTMAX = '_MklSoftmax'

/** The attributes of the operations that are used. */
function attributesOf({ binding }: NativeBackend) {
  const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value })
  const flag = (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value })
  const real = type('T', binding.TF_FLOAT)
  const whole = (name: string) => type(name, binding.TF_INT32)
  const products = (a: string, b: string) =>
    [false, true].map((first) => [false, true].map((second) => [flag(a, first), flag(b, second), real]))
  return {
    float: [real],
    reshape: [real, whole('Tshape')],
    transpose: [real, whole('Tperm')],
    roll: [real, whole('Tshift'), whole('Taxis')],
    gather: [type('Tparams', binding.TF_FLOAT), whole('Tindices'), whole('Taxis')],
    labelled: [real, whole('Tlabels')],
    reduce: [true, false].map((kept) => [flag('keep_dims', kept), real, whole('Tidx')]),
    product: products('transpose_a', 'transpose_b'),
    batched: products('adj_x', 'adj_y'),
    mkl: [real, { name: '_kernel', type: binding.TF_ATTR_STRING, value: 'MklNameChangeOp' }],
  }
}

/** Small tensors that operations read (axes, shapes, numbers), each made once. */
function constantsOf({ binding }: NativeBackend) {
  const known = new Map<string, Handle>()
  return (values: Float32Array | Int32Array, shape: number[]): Handle => {
    const isFloat = values instanceof Float32Array
    const key = `${isFloat} ${shape.length} ${values}`
    const dtype = isFloat ? binding.TF_FLOAT : binding.TF_INT32
    const found = known.get(key) ?? { id: binding.createTensor(shape, dtype, values), shape }
    known.set(key, found)
    return found
  }
}

/** A backend with what its operations are told. */
class Native {
  readonly attributes
  readonly constant
  readonly hasMkl: boolean

  constructor(readonly backend: NativeBackend) {
    this.attributes = attributesOf(backend)
    this.constant = constantsOf(backend)
    this.hasMkl = this.#findMkl()
  }

  execute(name: string, attributes: readonly Attribute[], inputs: readonly Handle[], outputs = 1): Handle[] {
    const ids = inputs.map(({ id }) => id)
    return this.backend.binding.executeOp(name, attributes, ids, outputs)
  }

  #findMkl(): boolean {
    const { binding } = this.backend
    if (binding.isUsingGpuDevice()) return false
    try {
      const [made] = this.execute(MKL_SOFTMAX, this.attributes.mkl, [this.constant(new Float32Array(2), [1, 2])])
      binding.deleteTensor(made!.id)
      return true
    } catch {
      return false
    }
  }
}

/** Operations on handles, float32 unless said otherwise. What they make is freed at the end of `compute`. */
export class Operations {
  readonly made = new Set<Handle>()
  readonly #native: Native

  constructor(native: Native) {
    this.#native = native
  }

  #call(name: string, attributes: readonly Attribute[], inputs: readonly Handle[]): Handle {
    const [output] = this.#native.execute(name, attributes, inputs)
    this.made.add(output!)
    return output!
  }

  /** An operation of which only the type is asked. */
  op(name: string, ...inputs: Handle[]): Handle {
    return this.#call(name, this.#native.attributes.float, inputs)
  }

  /** One number, as a scalar; or whole numbers, as a vector. */
  constant(values: number | readonly number[]): Handle {
    return typeof values === 'number'
      ? this.#native.constant(Float32Array.of(values), [])
      : this.#native.constant(Int32Array.from(values), [values.length])
  }

  product(a: Handle, b: Handle, turned: { a?: boolean; b?: boolean } = {}): Handle {
    const { product, batched } = this.#native.attributes
    const [first, second] = [Number(turned.a ?? false), Number(turned.b ?? false)]
    return a.shape.length === 2
      ? this.#call('MatMul', product[first]![second]!, [a, b])
      : this.#call('BatchMatMulV2', batched[first]![second]!, [a, b])
  }

  reshape(x: Handle, shape: readonly number[]): Handle {
    return this.#call('Reshape', this.#native.attributes.reshape, [x, this.constant(shape)])
  }

  transpose(x: Handle, order: readonly number[]): Handle {
    return this.#call('Transpose', this.#native.attributes.transpose, [x, this.constant(order)])
  }

  /** Slices of x along an axis, by number. An error where there is none of a number. */
  gather(x: Handle, numbers: Handle, axis: number): Handle {
    const place = this.#native.constant(Int32Array.of(axis), [])
    return this.#call('GatherV2', this.#native.attributes.gather, [x, numbers, place])
  }

  /** Along some axes, which stay with length 1 unless they are not kept. */
  reduce(name: 'Mean' | 'Sum', x: Handle, axes: readonly number[], kept = true): Handle {
    return this.#call(name, this.#native.attributes.reduce[kept ? 0 : 1]!, [x, this.constant(axes)])
  }

  /** The last axis turned by so many places. */
  roll(x: Handle, places: number): Handle {
    const inputs = [x, this.constant([places]), this.constant([x.shape.length - 1])]
    return this.#call('Roll', this.#native.attributes.roll, inputs)
  }

  /** Over the last axis; 1 where one entry has all. */
  softmax(x: Handle): Handle {
    const { hasMkl, attributes } = this.#native
    if (hasMkl) return this.#call(MKL_SOFTMAX, attributes.mkl, [x])
    // The usual one multiplies by a reciprocal, and that of 1 is 1 − 2⁻²⁴.
    const shares = this.op('Softmax', x)
    const exact = this.op('RealDiv', shares, this.reduce('Sum', shares, [-1]))
    this.free(shares)
    return exact
  }

  /** Losses [n] of logits [n, classes] and labels, and softmax − one-hot. */
  entropies(logits: Handle, labels: Handle): [Handle, Handle] {
    const name = 'SparseSoftmaxCrossEntropyWithLogits'
    const outputs = this.#native.execute(name, this.#native.attributes.labelled, [logits, labels], 2)
    for (const output of outputs) this.made.add(output)
    return outputs as [Handle, Handle]
  }

  /** Frees what is not needed any more. */
  free(...handles: Handle[]): void {
    for (const handle of handles) if (this.made.delete(handle)) this.#native.backend.binding.deleteTensor(handle.id)
  }
}

/**
 * A function from tensors to tensors by operations on handles.
 * @param work gives the handles of the results
 */
export type Compute = (
  inputs: readonly tf.TensorInfo[],
  work: (run: Operations, inputs: Handle[]) => Handle[],
) => tf.Tensor[]

export function makeCompute(backend: NativeBackend): Compute {
  const native = new Native(backend)
  return (inputs, work) => {
    const run = new Operations(native)
    const ids = backend.getInputTensorIds(inputs)
    try {
      const results = work(
        run,
        inputs.map(({ shape }, i) => ({ id: ids[i]!, shape })),
      )
      for (const result of results) run.made.delete(result)
      return results.map((result) => backend.createOutputTensor(result))
    } finally {
      run.free(...run.made)
    }
  }
}
