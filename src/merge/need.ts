// The parts that tensors are merged in by definitions, and the memory that they take, from headers.
import { countComputed } from '../checkpoint/index.js'
import { needsModel, stepsBytes } from '../editors/index.js'
import type { Interval } from '../kernels/index.js'
import { mergeBytes, needsModels } from '../mergers/index.js'
import { cutTensor, type StreamedTensors, type TensorRows } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { mergesRows } from './definition.js'
import type { MergePlan } from './plan.js'
import type { TensorMerge } from './plan-tensor.js'
import { mergedLayout, tensorAt } from './program.js'

/** A part, the name of its tensor, and bytes that it takes at its largest moment. */
interface PartNeed {
  part: TensorRows
  name: string
  bytes: number
}

/** The parts of these tensors. */
export const mergeParts = ({ tensors }: MergePlan, numbers: readonly number[]): PartNeed[] =>
  numbers.flatMap((i) => {
    const tensor = tensors[i]!
    return cutTensor(i, tensor.shape, mergesRows(tensor)).map((part) => ({
      part,
      name: tensor.name,
      bytes: bytesOf(tensor, part.rows),
    }))
  })

/** The same with the passes over whole models that methods ask for; they hold a tensor of all models at a time. */
export function partNeeds(plan: MergePlan, numbers: readonly number[]): PartNeed[] {
  const parts = mergeParts(plan, numbers)
  const scanned = numbers.some((i) => {
    const { merging, sources } = plan.tensors[i]!
    return merging && (needsModels(merging) || sources.some(({ steps }) => steps.some(needsModel)))
  })
  if (!scanned) return parts
  return parts.map(({ bytes, ...each }) => {
    const { shape, sources } = plan.tensors[each.part.tensor]!
    return { ...each, bytes: Math.max(bytes, 4 * countEntries(shape) * (sources.length + 3)) }
  })
}

function bytesOf(tensor: TensorMerge, rows: Interval | null): number {
  const { shape, sources, merging, base, stored } = tensor
  const own = rows ? [rows.to - rows.from, ...shape.slice(1)] : shape
  const size = countEntries(own)
  if (!merging) return 8 * size
  const n = sources.length
  const inputs = n + (base ? 1 : 0)
  // Each operation makes an array, of which a few are held for every model.
  if (stored) return (stored.compute === 'F64' ? 8 : 4) * size * (4 * inputs + 6)
  const layout = mergedLayout(tensor)
  const edits = sources.map(({ steps }) => stepsBytes(steps, own, layout))
  // The edits of one model are over before those of the next begin, and before the merge.
  return 4 * size * inputs + Math.max(...edits, mergeBytes(merging, own, { ...layout, inputs, n }))
}

/** What the engine must have memory for. */
export const streamedTensors = ({ tensors }: MergePlan): StreamedTensors =>
  tensors.map(({ shape, sources, base }) => ({
    shape,
    models: sources.length,
    computed: countComputed([base && tensorAt(base), ...sources.map(tensorAt)]),
  }))
