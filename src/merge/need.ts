// The memory that a merge by definitions takes, from headers.
import { MERGE_BLOCK } from '../mergers/index.js'
import { countEntries } from '../tensor/index.js'
import type { RowRange } from './definition.js'
import type { MergePlan } from './plan.js'

/** What a thread takes besides its tasks: TensorFlow.js, and the open models. */
export const THREAD_BYTES = 70e6

export function bytesNeeded(plan: MergePlan, { tensor: i, rows }: { tensor: number; rows: RowRange | null }): number {
  const { shape, sources, merging } = plan.tensors[i]!
  const n = sources.length
  const size = rows ? (rows.to - rows.from) * countEntries(shape.slice(1)) : countEntries(shape)
  const held = merging?.merger.reads === 'whole' ? size : Math.min(size, MERGE_BLOCK)
  return 4 * (size * (n + 4) + held * (14 * n + 4))
}
