// What becomes of each tensor of an edited checkpoint, from headers alone.
import {
  countComputed,
  isFloating,
  type Pair,
  type PlannedTensor,
  selectTensors,
  WRITABLE,
} from '../checkpoint/index.js'
import type { StreamedTensors } from '../stream/index.js'
import type { EditCheckpointOptions } from './options.js'

/** A tensor of the post-trained model, as it is written. */
export interface PlannedEdit extends PlannedTensor {
  /** The tensor that it is read from and that keys its draws: another one for a stored copy of a tied weight. */
  source: string
  /** `convert`: the weights as they are, in another format. `copy`: the bytes as they are. */
  work: 'edit' | 'convert' | 'copy'
}

/** Every tensor of the post-trained model, in its order. @throws UserError for a pattern that matches nothing */
export function planEdit({ names, post, tied }: Pair, options: EditCheckpointOptions): PlannedEdit[] {
  const entries = names.map((name) => post.tensors.get(name)!)
  const selected = new Set(selectTensors(entries, options))
  return [...post.tensors.values()].map(({ name, dtype: stored, shape }) => {
    const source = tied.get(name) ?? name
    const edited = selected.has(source)
    const dtype = writtenDtype(stored, options.dtype, edited)
    if (edited) return { name, shape, dtype, source, work: 'edit' }
    return { name, shape, dtype, source: name, work: dtype === stored ? 'copy' : 'convert' }
  })
}

/** Weights can be edited in every floating format, but F64 is not written: an edited F64 tensor becomes F32. */
function writtenDtype(stored: string, wanted: EditCheckpointOptions['dtype'], edited: boolean): string {
  if (!isFloating(stored)) return stored
  return wanted ?? (edited && !(WRITABLE as readonly string[]).includes(stored) ? 'F32' : stored)
}

/** Numbers of the edited tensors, a stored copy of a tied weight not among them. */
export const editedIn = (plan: readonly PlannedEdit[]): number[] =>
  [...plan.keys()].filter((i) => plan[i]!.work === 'edit' && plan[i]!.source === plan[i]!.name)

/** What the engine must have memory for: each tensor is one model. */
export const streamedIn = ({ base, post }: Pair, plan: readonly PlannedEdit[]): StreamedTensors =>
  plan.map(({ shape, source: name, work }) => ({
    shape,
    models: 1,
    computed: countComputed([work === 'edit' ? { checkpoint: base, name } : null, { checkpoint: post, name }]),
  }))
