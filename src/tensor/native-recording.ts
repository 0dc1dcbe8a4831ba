// Writes down, as a graph, the operations that TensorFlow's library is called for.
import { type Constant, canWrite, constant, operation, placeholder } from './native-graph.js'
import type { Attribute, Handle, NativeBinding } from './native-run.js'

/** What a function computed, as a graph whose inputs are i0, i1 and so on. */
export interface Recorded {
  nodes: Buffer[]
  /** How many nodes there are. */
  size: number
  /** How many results it has. */
  results: number
  /** The results, and behind them what is written in place. */
  fetches: string[]
}

/** Values of a constant at most: axes, shapes, paddings. */
const FEW = 16
/** The operations with a result that is another one each time. */
const DRAWN = /^(Random|Multinomial|Stateless)/
/** Writes into its first input, which is read afterwards. */
const IN_PLACE = 'InplaceUpdate'

/** A tensor that is given. */
interface Given {
  id: number
  dtype: number
}

class Recording {
  readonly #nodes: Buffer[] = []
  /** The output of a node, by the number of the tensor that it stands for. */
  readonly #names = new Map<number, string>()
  readonly #made = new Set<string>()
  readonly #constants = new Map<string, string>()
  readonly #read = new Set<string>()
  readonly #written: string[] = []
  #isPure = true

  constructor(inputs: readonly Given[]) {
    inputs.forEach(({ id, dtype }, i) => {
      this.#names.set(id, `i${i}`)
      this.#nodes.push(placeholder(`i${i}`, dtype))
    })
  }

  /** The results depend on more than the inputs. */
  spoil(): void {
    this.#isPure = false
  }

  call(kind: string, attributes: readonly Attribute[], ids: readonly number[], made: readonly Handle[]): void {
    if (!this.#isPure) return
    const inputs = ids.map((id) => this.#names.get(id) ?? this.#constantOf(id))
    // Nothing may read what is written into before it is: a graph keeps no other order than that of its edges.
    const isEarly = kind === IN_PLACE && this.#read.has(inputs[0]!)
    if (DRAWN.test(kind) || !canWrite(attributes) || inputs.includes(undefined) || isEarly) return this.spoil()
    for (const input of inputs) this.#read.add(input!)
    const name = `n${this.#nodes.length}`
    this.#nodes.push(operation(name, kind, { attributes, inputs: inputs as string[] }))
    made.forEach(({ id }, k) => {
      const output = k ? `${name}:${k}` : name
      this.#names.set(id, output)
      this.#made.add(output)
    })
    if (kind !== IN_PLACE) return
    this.#names.set(ids[0]!, name)
    this.#written.push(name)
  }

  #constantOf(id: number): string | undefined {
    const found = small.get(id)
    if (!found) return undefined
    const key = `${found.dtype} ${found.shape} ${found.values}`
    const name = this.#constants.get(key) ?? `c${this.#constants.size}`
    if (!this.#constants.has(key)) this.#nodes.push(constant(name, found))
    this.#constants.set(key, name)
    return name
  }

  /** @returns null where there is no graph for it */
  finish(results: readonly number[]): Recorded | null {
    const outputs = results.map((id) => this.#names.get(id) ?? '')
    if (!this.#isPure || !outputs.every((name) => this.#made.has(name))) return null
    // The name of an output, not of a node.
    const fetches = [...outputs, ...this.#written].map((name) => (name.includes(':') ? name : `${name}:0`))
    return { nodes: this.#nodes, size: this.#nodes.length, results: results.length, fetches }
  }
}

/** Constants by the number of their tensor. Other values are inputs, or the recording fails. */
const small = new Map<number, Constant>()

let recording: Recording | null = null

/** The library with a record of its calls, where one is made. */
export function recordable(library: NativeBinding): NativeBinding {
  const { TF_INT32 } = library
  const own: Partial<NativeBinding> = {
    executeOp(name, attributes, ids, outputs) {
      const made = library.executeOp(name, attributes, ids, outputs)
      recording?.call(name, attributes, ids, made)
      return made
    },
    createTensor(shape, dtype, values) {
      const id = library.createTensor(shape, dtype, values)
      const isSmall = shape.length === 0 || (dtype === TF_INT32 && values.length <= FEW)
      if (isSmall && ArrayBuffer.isView(values)) {
        const { buffer, byteOffset, byteLength } = values
        small.set(id, {
          dtype,
          shape: [...shape],
          values: new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength)),
        })
      }
      return id
    },
    deleteTensor(id) {
      small.delete(id)
      library.deleteTensor(id)
    },
    tensorDataSync(id) {
      recording?.spoil()
      return library.tensorDataSync(id)
    },
  }
  const binding = Object.setPrototypeOf(own, library) as NativeBinding
  known.add(binding)
  return binding
}

const known = new WeakSet<NativeBinding>()

/** Whether this is such a library. */
export const isRecordable = (binding: NativeBinding): boolean => known.has(binding)

/** Whether operations are written down now. */
export const isRecording = (): boolean => recording !== null

/** Calls the function. @param idsOf the numbers of its results */
export function record<T>(
  inputs: readonly Given[],
  work: () => T,
  idsOf: (results: T) => number[],
): { results: T; recorded: Recorded | null } {
  recording = new Recording(inputs)
  try {
    const results = work()
    return { results, recorded: recording.finish(idsOf(results)) }
  } finally {
    recording = null
  }
}
