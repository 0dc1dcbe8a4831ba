// The merge of one tensor on kernels: the programs of the editors of each model, then that of the merger.
import {
  type MatrixLayout,
  matrixLayout,
  type StreamedWork,
  type TensorAt,
  type TensorWork,
} from '../checkpoint/index.js'
import { programOf } from '../editors/index.js'
import { type Combine, type EntriesProgram, type TensorProgram, together } from '../kernels/index.js'
import { dataOf, mergesTurned, needsModels } from '../mergers/index.js'
import { countEntries } from '../tensor/index.js'
import type { MergePlan } from './plan.js'
import type { MergeSource, TensorMerge } from './plan-tensor.js'
import { drawKey, wantsDeltas } from './tensor.js'

/** How the matrices of a tensor lie, in the models that it is made of. */
export function mergedLayout({ shape, sources }: Pick<TensorMerge, 'shape' | 'sources'>): MatrixLayout {
  const [{ model, name }] = sources as [MergeSource]
  return matrixLayout(name, shape, model.checkpoint.config)
}

/** The work on a tensor, which finds where it degenerates; null where a method of its has no program for these options. */
function mergeJob({ seed }: Pick<MergePlan, 'seed'>, tensor: TensorMerge): TensorWork<readonly string[]> | null {
  const { name, shape, merging, stored, sources, base } = tensor
  const size = countEntries(shape)
  if (!merging || stored || size === 0 || needsModels(merging) || dataOf(merging.merger)) return null
  const { merger, convention, options, modelOptions } = merging
  const layout = mergedLayout(tensor)
  if (mergesTurned(merging, layout.turned) || (layout.batch && merger.perMatrix(convention))) return null
  const warnings: string[] = []
  const warn = (text: string) => void warnings.push(`${name}: ${text}`)
  const combined = merger.program?.({ convention, options, modelOptions, size, warn }) ?? null
  const edits = sources.map((source) =>
    programOf(source.steps, shape, { seed, tensor: drawKey(source.model.label, source.name), ...layout }),
  )
  if (!combined || edits.includes(null)) return null
  const deltas = wantsDeltas(merger, base !== null)
  const edited = edits.map((edit, i) => editOne(edit!, sources[i]!.steps.length > 0 && !deltas))
  return {
    shape,
    base: base && tensorAt(base),
    models: sources.map(tensorAt),
    deltas: sources.map(({ steps }) => deltas || steps.length > 0),
    program: mergeProgram(edited, combined, { finish: deltas ? 'base' : 'plain', warnings }),
  }
}

/** Where a model of a plan has a tensor. */
export const tensorAt = ({ model: { checkpoint }, name }: Pick<MergeSource, 'model' | 'name'>): TensorAt => ({
  checkpoint,
  name,
})

/** Numbers of the tensors that are merged by TensorFlow.js, because a method of theirs has no program. */
export const withoutProgram = (plan: MergePlan): number[] =>
  [...plan.tensors.keys()].filter((i) => plan.tensors[i]!.merging && !mergeJob(plan, plan.tensors[i]!))

function* mergeProgram(
  edits: readonly EntriesProgram<string[]>[],
  merge: TensorProgram<Combine>,
  { finish, warnings }: { finish: 'base' | 'plain'; warnings: readonly string[] },
): TensorProgram<readonly string[]> {
  const texts = yield* together(edits)
  yield { reductions: [], write: { combine: yield* merge, finish } }
  return [...texts.flat(), ...warnings]
}

/** The edit of one model, as delta or, with `rebase`, as weights. */
function* editOne(edit: EntriesProgram<string[]>, rebase: boolean): EntriesProgram<string[]> {
  const texts = yield* edit
  if (rebase) yield { stage: 'addBase' }
  return texts
}

/** The work on a tensor of the plan, if its methods have programs. */
export const workOf = (plan: MergePlan, tensor: TensorMerge): StreamedWork<readonly string[]> | null => {
  if (tensor.merging) return mergeJob(plan, tensor)
  const [{ model, name }] = tensor.sources as [MergeSource]
  return { copy: { checkpoint: model.checkpoint, name }, found: [] }
}
