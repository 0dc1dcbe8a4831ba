// What an edit will read, write and need, from headers alone.
import { type Clock, forecastSeconds, type Pair, storedBytes, tensorBytes } from '../checkpoint/index.js'
import { leastMemory, leastStream, openStream } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import type { EditCheckpointOptions } from './options.js'
import { editParts } from './others.js'
import { editedIn, planEdit, streamedIn } from './plan.js'
import { editsWithoutProgram, editWork } from './program.js'

export interface EditEstimate {
  /** Tensors that are written; those that are edited, and their parameters. */
  tensors: number
  edited: number
  parameters: number
  /** Bytes of the weights that are written. */
  bytes: number
  /** Least bound on the memory of the process, in bytes, that would do: `--memory`. */
  memory: number
  /** Whether some tensor is edited by TensorFlow.js, because a step has no program on kernels. */
  needsBackend: boolean
}

/** @throws UserError for a pattern that matches nothing */
export function estimateEdit(pair: Pair, options: EditCheckpointOptions): EditEstimate {
  const plan = planEdit(pair, options)
  const others = editsWithoutProgram(pair, plan, options)
  const edited = editedIn(plan).map((i) => plan[i]!)
  return {
    tensors: plan.length,
    edited: edited.length,
    parameters: edited.reduce((sum, { shape }) => sum + countEntries(shape), 0),
    bytes: plan.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
    memory: Math.max(leastStream(streamedIn(pair, plan)), leastMemory(editParts({ pair, plan, options }, others))),
    needsBackend: others.length > 0,
  }
}

/** Seconds that the edit will take from now on, by trying its editors on random weights; null where a step has no program. */
export function forecastEdit(pair: Pair, options: EditCheckpointOptions, clock: Clock): Promise<number | null> {
  const plan = planEdit(pair, options)
  return forecastSeconds({
    clock,
    plan,
    workOf: (i, shape) => editWork(pair, { ...plan[i]!, shape }, options),
    kindOf: (i) => plan[i]!.work,
    engine: openStream(options, streamedIn(pair, plan)),
    inputs: [pair.base, pair.post].reduce((sum, checkpoint) => sum + storedBytes(checkpoint), 0),
  })
}
