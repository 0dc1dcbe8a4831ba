// The merge of one tensor on kernels: the programs of the editors of each model, then that of the merger.
import { isBatch, isFloating, type StoredPlace } from '../checkpoint/index.js'
import { programOf } from '../editors/index.js'
import { type Combine, type EntriesProgram, type StoredFormat, type TensorProgram, together } from '../kernels/index.js'
import { dataOf, needsModels } from '../mergers/index.js'
import type { TensorJob, TensorSource } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import type { MergePlan, MergeSource, TensorMerge } from './plan.js'
import { drawKey, wantsDeltas } from './tensor.js'

/** What the engine needs of a tensor, but for its number and target. */
export type MergeJob = Pick<TensorJob<void>, 'shape' | 'base' | 'models' | 'deltas' | 'program'>

/** The work on a tensor; null where a method of its has no program for these options. @param warn is told where it degenerates */
export function mergeJob(
  { seed }: Pick<MergePlan, 'seed'>,
  { name, shape, merging, sources, base }: TensorMerge,
  warn: (text: string) => void,
): MergeJob | null {
  const size = countEntries(shape)
  if (!merging || size === 0 || needsModels(merging) || dataOf(merging.merger)) return null
  const { merger, convention, options, modelOptions } = merging
  const batch = isBatch(name, shape)
  if (batch && merger.perMatrix(convention)) return null
  const say = (text: string) => warn(`${name}: ${text}`)
  const combined = merger.program?.({ convention, options, modelOptions, size, warn: say }) ?? null
  const edits = sources.map((source) =>
    programOf(source.steps, shape, { seed, tensor: drawKey(source.model.label, source.name), batch }),
  )
  if (!combined || edits.includes(null)) return null
  const deltas = wantsDeltas(merger, base !== null)
  const parts = edits.map((edit, i) => editOne(edit!, sources[i]!.steps.length > 0 && !deltas, warn))
  return {
    shape,
    base: base && sourceOf(base),
    models: sources.map(sourceOf),
    deltas: sources.map(({ steps }) => deltas || steps.length > 0),
    program: mergeProgram(parts, combined, deltas ? 'base' : 'plain'),
  }
}

function* mergeProgram(
  edits: readonly EntriesProgram<void>[],
  merge: TensorProgram<Combine>,
  finish: 'base' | 'plain',
): TensorProgram<void> {
  yield* together(edits)
  yield { reductions: [], write: { combine: yield* merge, finish } }
}

/** The edit of one model, as delta or, with `rebase`, as weights. */
function* editOne(edit: EntriesProgram<string[]>, rebase: boolean, warn: (text: string) => void): EntriesProgram<void> {
  for (const text of yield* edit) warn(text)
  if (rebase) yield { stage: 'addBase' }
}

/** A tensor as the engine reads it: from the file where its weights are stored as they are, else computed. */
function sourceOf({ model: { checkpoint }, name }: Pick<MergeSource, 'model' | 'name'>): TensorSource {
  const place = checkpoint.place(name)
  if (place && isFloating(place.dtype)) return place as StoredPlace & { dtype: StoredFormat }
  return (from, to) => checkpoint.readEntries(name, { from, to })
}
