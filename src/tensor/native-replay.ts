// Functions of tensors that come again and again. TensorFlow's library runs them as one graph: the same bits in less time, as operations
// that do not wait for each other run side by side, and nothing is done in between.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeTemporary } from '../files/index.js'
import { savedModel, TAG } from './native-graph.js'
import { isRecordable, isRecording, type Recorded, record } from './native-recording.js'
import type { NativeBackend } from './native-run.js'
import { tf } from './tf.js'

type Tensor = tf.Tensor

/** A function on inputs of certain shapes: it was called once; its graph was recorded; the graph gave the bits of a call; it has none. */
type Replay =
  | { stage: 'seen' | 'none' }
  | { stage: 'recorded'; recorded: Recorded }
  | { stage: 'sure'; recorded: Recorded; session: number }

/** Operations of all graphs that are remembered, of about 9 kB each; beyond, what is unused for longest is forgotten. */
const MOST = 1 << 15

const sizeOf = (replay: Replay): number => ('recorded' in replay ? replay.recorded.size : 1)

class Replays {
  readonly #known = new Map<string, Replay>()
  #size = 0
  readonly #backend: NativeBackend

  constructor(backend: NativeBackend) {
    this.#backend = backend
  }

  call(name: string, given: readonly Tensor[], work: () => Tensor[]): Tensor[] {
    // Where one tensor is given twice, a graph reads one of the two.
    const places = new Map<object, number>()
    const inputs = given.filter(({ dataId }) => !places.has(dataId) && places.set(dataId, places.size))
    const shapes = given.map(({ dataId, dtype, shape }) => `${places.get(dataId)} ${dtype} ${shape}`)
    // The shapes of thousands of weights are long.
    const key = createHash('sha256')
      .update([name, ...shapes].join(';'))
      .digest('base64')
    const replay = this.#forget(key)
    if (replay?.stage === 'sure') {
      this.#remember(key, replay)
      return this.#run(replay, inputs)
    }
    if (replay?.stage === 'seen') {
      const { results, recorded } = this.#record(inputs, work)
      this.#remember(key, recorded ? { stage: 'recorded', recorded } : { stage: 'none' })
      return results
    }
    const results = work()
    if (replay?.stage === 'recorded') this.#remember(key, this.#check(replay.recorded, inputs, results))
    else this.#remember(key, { stage: replay ? 'none' : 'seen' })
    return results
  }

  /** Whether a graph gives the bits of a call, for which other inputs than those of the recording speak. */
  #check(recorded: Recorded, inputs: readonly Tensor[], results: readonly Tensor[]): Replay {
    const session = this.#open(recorded)
    if (session === null) return { stage: 'none' }
    const sure: Replay = { stage: 'sure', recorded, session }
    const made = this.#run(sure, inputs)
    const isSame = made.every((tensor, i) => this.#isSame(tensor, results[i]!))
    tf.dispose(made)
    if (isSame) return sure
    this.#backend.binding.deleteSavedModel(session)
    return { stage: 'none' }
  }

  #isSame(a: Tensor, b: Tensor): boolean {
    const [left, right] = [a, b].map(({ dataId }) => this.#backend.readSync(dataId) as Float32Array | Int32Array)
    const bytesOf = ({ buffer, byteOffset, byteLength }: typeof left & {}) =>
      Buffer.from(buffer, byteOffset, byteLength)
    return a.dtype === b.dtype && `${a.shape}` === `${b.shape}` && bytesOf(left!).equals(bytesOf(right!))
  }

  #record(inputs: readonly Tensor[], work: () => Tensor[]) {
    const { binding } = this.#backend
    const types: Record<string, number> = { float32: binding.TF_FLOAT, int32: binding.TF_INT32, bool: binding.TF_BOOL }
    const ids = this.#backend.getInputTensorIds(inputs)
    const own = ids.map((id, i) => ({ id, dtype: types[inputs[i]!.dtype]! }))
    return record(own, work, (results) => this.#backend.getInputTensorIds(results))
  }

  #remember(key: string, replay: Replay) {
    this.#known.set(key, replay)
    this.#size += sizeOf(replay)
    for (const oldest of this.#known.keys()) {
      if (this.#size <= MOST) return
      const forgotten = this.#forget(oldest)
      if (forgotten?.stage === 'sure') this.#backend.binding.deleteSavedModel(forgotten.session)
    }
  }

  #forget(key: string): Replay | undefined {
    const replay = this.#known.get(key)
    this.#known.delete(key)
    if (replay) this.#size -= sizeOf(replay)
    return replay
  }

  #run({ recorded, session }: Replay & { stage: 'sure' }, inputs: readonly Tensor[]): Tensor[] {
    const { results, fetches } = recorded
    const { binding } = this.#backend
    const names = inputs.map((_, i) => `i${i}:0`).join(',')
    const made = binding.runSavedModel(session, this.#backend.getInputTensorIds(inputs), names, fetches.join(','))
    for (const { id } of made.slice(results)) binding.deleteTensor(id)
    return made.slice(0, results).map((handle) => this.#backend.createOutputTensor(handle))
  }

  /** The session of a graph, which it takes; null where this system or TensorFlow refuses it. */
  #open({ nodes }: Recorded): number | null {
    try {
      const folder = makeTemporary('graph')
      try {
        writeFileSync(join(folder.path, 'saved_model.pb'), savedModel(nodes.splice(0)))
        return this.#backend.binding.loadSavedModel(folder.path, TAG)
      } finally {
        folder.remove()
      }
    } catch {
      return null
    }
  }
}

let replays: Replays | undefined

/** Graphs on this backend, where its library gives the bits of single operations. */
export function prepareReplays(backend: NativeBackend): void {
  replays = isRecordable(backend.binding) ? new Replays(backend) : undefined
}

/**
 * Calls a function of tensors, or runs the graph of its operations: from the fourth call of a name on inputs of these shapes on, where the
 * graph of the second call gave the bits of the third. Only the native backend has graphs, and only of functions that read no values.
 * @param name of all that decides which operations are called, beside the shapes of the inputs
 * @param inputs every tensor that the function reads and does not make; it makes none of values that differ between calls
 * @param work gives new tensors; what else it does, it does in some calls only
 */
export function replayed(name: string, inputs: readonly Tensor[], work: () => Tensor[]): Tensor[] {
  return replays && tf.getBackend() === 'tensorflow' && !isRecording() ? replays.call(name, inputs, work) : work()
}
