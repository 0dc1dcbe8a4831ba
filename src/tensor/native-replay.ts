// Functions of tensors that come again and again. TensorFlow's library runs them as one graph: the same bits in less time, as operations
// that do not wait for each other run side by side, and nothing is done in between.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeTemporary } from '../files/index.js'
import { savedModel, TAG } from './native-graph.js'
import { isRecordable, isRecording, type Recorded, record } from './native-recording.js'
import type { NativeBackend } from './native-run.js'
import { tf } from './tf.js'

type Tensor = tf.Tensor

/** What is known of a function on inputs of certain shapes. */
interface Replay {
  /** Its graph; null where it has none. */
  recorded: Recorded | null
  /** Whether a second call gave the same graph. */
  isSure: boolean
  operations: number
  /** What runs the graph, from the third call on. */
  session?: number
}

/** Operations in all graphs that are remembered, of about 9 kB each; beyond, the graph that is unused for longest is forgotten. */
const MOST = 1 << 15

const isSame = (a: Recorded, b: Recorded): boolean =>
  `${a.fetches}` === `${b.fetches}` && Buffer.concat(a.nodes).equals(Buffer.concat(b.nodes))

class Replays {
  readonly #known = new Map<string, Replay>()
  #operations = 0
  readonly #backend: NativeBackend

  constructor(backend: NativeBackend) {
    this.#backend = backend
  }

  call(name: string, given: readonly Tensor[], work: () => Tensor[]): Tensor[] {
    // Where one tensor is given twice, a graph reads one of the two.
    const places = new Map<object, number>()
    const inputs = given.filter(({ dataId }) => !places.has(dataId) && places.set(dataId, places.size))
    const shapes = given.map(({ dataId, dtype, shape }) => `${places.get(dataId)} ${dtype} ${shape}`)
    const key = [name, ...shapes].join(';')
    const replay = this.#forget(key)
    if (!replay || (replay.recorded && !replay.isSure)) {
      const { results, recorded } = this.#record(inputs, work)
      const isSure = Boolean(replay?.recorded && recorded && isSame(replay.recorded, recorded))
      const known = replay && !isSure ? null : recorded
      this.#remember(key, { recorded: known, isSure, operations: known?.nodes.length ?? 1 })
      return results
    }
    this.#remember(key, replay)
    return this.#run(replay, inputs) ?? work()
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
    this.#operations += replay.operations
    for (const oldest of this.#known.keys()) {
      if (this.#operations <= MOST) return
      const { session } = this.#forget(oldest)!
      if (session !== undefined) this.#backend.binding.deleteSavedModel(session)
    }
  }

  #forget(key: string): Replay | undefined {
    const replay = this.#known.get(key)
    this.#known.delete(key)
    this.#operations -= replay?.operations ?? 0
    return replay
  }

  /** @returns null where there is no graph */
  #run(replay: Replay, inputs: readonly Tensor[]): Tensor[] | null {
    if (!replay.recorded) return null
    const session = replay.session ?? this.#open(replay.recorded)
    if (session === null) {
      replay.recorded = null
      return null
    }
    replay.session = session
    const { results, fetches } = replay.recorded
    const names = inputs.map((_, i) => `i${i}:0`).join(',')
    const ids = this.#backend.getInputTensorIds(inputs)
    const made = this.#backend.binding.runSavedModel(session, ids, names, fetches.join(','))
    for (const { id } of made.slice(results)) this.#backend.binding.deleteTensor(id)
    return made.slice(0, results).map((handle) => this.#backend.createOutputTensor(handle))
  }

  /** The session of a graph, which it takes; null where this system or TensorFlow refuses it. */
  #open(recorded: Recorded): number | null {
    try {
      const folder = makeTemporary('graph')
      try {
        writeFileSync(join(folder.path, 'saved_model.pb'), savedModel(recorded.nodes.splice(0)))
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
 * Calls a function of tensors, or runs the graph of its operations: from the third call of a name on inputs of these shapes on, where two
 * calls had the same operations. Both give the same bits. A graph is of the native backend's alone, and of no function that reads values.
 * @param name of all that decides which operations are called, beside the shapes of the inputs
 * @param inputs every tensor that the function reads and does not make; it makes none of values that differ between calls
 * @param work gives new tensors; what else it does, it does in some calls only
 */
export function replayed(name: string, inputs: readonly Tensor[], work: () => Tensor[]): Tensor[] {
  return replays && tf.getBackend() === 'tensorflow' && !isRecording() ? replays.call(name, inputs, work) : work()
}
