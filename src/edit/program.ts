// The edit of one tensor on kernels: the programs of its steps, and the sums for the summary.
import type { Pair, StreamedWork } from '../checkpoint/index.js'
import { programOf } from '../editors/index.js'
import { type EntriesProgram, type Reduction, sumOf, type TensorProgram, together } from '../kernels/index.js'
import { countEntries } from '../tensor/index.js'
import type { EditCheckpointOptions } from './options.js'
import type { PlannedEdit } from './plan.js'
import { drawContext, type EditFound } from './tensor.js'

/** What becomes of a tensor; null where a step has no program for its options. */
export function editWork(
  pair: Pair,
  { shape, source: name, work }: PlannedEdit,
  { steps, seed, on }: EditCheckpointOptions,
): StreamedWork<EditFound> | null {
  const { base, post } = pair
  if (work === 'copy') return { copy: { checkpoint: post, name }, found: NOTHING }
  const used = work === 'edit' && countEntries(shape) > 0 ? steps : []
  const program = programOf(used, shape, drawContext(pair, name, seed))
  const delta = work === 'edit' && on === 'delta'
  return (
    program && {
      shape,
      base: delta ? { checkpoint: base, name } : null,
      models: [{ checkpoint: post, name }],
      deltas: [delta],
      program: editProgram(program, work),
    }
  )
}

const NOTHING: EditFound = { warnings: [], kept: 0, inputSquares: 0, changeSquares: 0 }

/** Of the edited values, and of the change from what they were. */
const SUMS: readonly Reduction[] = [
  { sum: 'nonZero', of: 0 },
  { sum: 'dot', of: 'input', with: 'input' },
  { sum: 'distance', of: 'input', with: 0 },
]

function* editProgram(edit: EntriesProgram<string[]>, work: PlannedEdit['work']): TensorProgram<EditFound> {
  const [warnings] = yield* together([edit])
  const sums = yield {
    reductions: work === 'edit' ? SUMS : [],
    write: { combine: { combine: 'sum', weights: [1] }, finish: 'restore' },
  }
  const [kept = 0, inputSquares = 0, changeSquares = 0] = sums.map(sumOf)
  return { warnings: warnings!, kept, inputSquares, changeSquares }
}

/** Numbers of the tensors that are edited by the definitions of their editors, because a step has no program. */
export const editsWithoutProgram = (
  pair: Pair,
  plan: readonly PlannedEdit[],
  options: EditCheckpointOptions,
): number[] => [...plan.keys()].filter((i) => !editWork(pair, plan[i]!, options))
