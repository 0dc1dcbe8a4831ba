// The memory that merges by definitions take, from headers, and the bound that it must keep.
import { isBatch } from '../checkpoint/index.js'
import { needsModel, stepsBytes } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { mergeBytes, needsModels } from '../mergers/index.js'
import { LEAST_MEMORY, MEMORY_BOUND, PROGRAM_BYTES } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { type PlanPart, planParts, type RowRange } from './definition.js'
import type { MergePlan, TensorMerge } from './plan.js'

/** What TensorFlow.js takes in a thread besides its tasks: its program, and garbage of earlier tasks. */
export const THREAD_BYTES = 100e6
/** What it takes in the thread of the program. */
const OWN_BYTES = 30e6

/** Bytes that a tensor, or rows of it, takes at its largest moment. */
function tensorBytes({ name, shape, sources, merging, base }: TensorMerge, rows: RowRange | null): number {
  const own = rows ? [rows.to - rows.from, ...shape.slice(1)] : shape
  const size = countEntries(own)
  if (!merging) return 8 * size
  const n = sources.length
  const inputs = n + (base ? 1 : 0)
  const batch = isBatch(name, shape)
  const edits = sources.map(({ steps }) => stepsBytes(steps, own, batch))
  // The edits of one model are over before those of the next begin, and before the merge.
  return 4 * size * inputs + Math.max(...edits, mergeBytes(merging, own, { batch, inputs, n }))
}

/** Bytes of the passes over whole models, which hold a tensor of all models at a time. */
const scanBytes = (tensors: readonly TensorMerge[]): number =>
  tensors.some(
    ({ merging, sources }) => merging && (needsModels(merging) || sources.some(({ steps }) => steps.some(needsModel))),
  )
    ? Math.max(...tensors.map(({ shape, sources }) => 4 * countEntries(shape) * (sources.length + 3)))
    : 0

export const partBytes = ({ tensors }: MergePlan, { tensor, rows }: PlanPart): number =>
  tensorBytes(tensors[tensor]!, rows)

/** Least bound on memory for these tensors, one after the other in the thread of the program; and which of them wants most. */
export function leastMemory(plan: MergePlan, tensors: readonly number[]): { bytes: number; largest: string } {
  let [most, largest] = [0, '']
  for (const part of tensors.flatMap((i) => planParts(plan, i))) {
    const bytes = partBytes(plan, part)
    if (bytes > most) [most, largest] = [bytes, plan.tensors[part.tensor]!.name]
  }
  const scan = scanBytes(tensors.map((i) => plan.tensors[i]!))
  return { bytes: PROGRAM_BYTES + OWN_BYTES + Math.max(most, scan), largest }
}

/** @throws UserError for a bound that is too small for the program, or for one of these tensors, with the least that would do */
export function checkMemory(plan: MergePlan, tensors: readonly number[], memory = MEMORY_BOUND): void {
  const { bytes, largest } = leastMemory(plan, tensors)
  const megabytes = (count: number) => `${Math.ceil(count / 1e6)}MB`
  const least = largest ? bytes : LEAST_MEMORY
  if (memory >= least) return
  const why = largest && `, because ${plan.method} needs all of ${largest} at once`
  throw new UserError(`--memory ${megabytes(memory)} is too small${why}; ${megabytes(least)} would do`)
}
