// Merges parts of tensors by the definitions of their methods, and writes them in place: in this thread, or in one that opens the
// same merge.
import { writeTensor } from '../checkpoint/index.js'
import type { TensorRows } from '../stream/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { mergeTensor, type PlanScans } from './definition.js'
import { type MergeOrigin, reopenMerge } from './opened.js'
import type { MergePlan } from './plan.js'

/** What a thread is opened with. */
export interface MergeThread {
  origin: MergeOrigin
  backend: BackendName
  scans: PlanScans
}

export interface MergeTask extends TensorRows {
  /** Where the tensor goes. */
  target: { file: string; begin: number }
}

/** What does tasks; each answers what the methods warn of. */
export const mergerOf =
  (plan: MergePlan, scans: PlanScans) =>
  async ({ tensor: i, rows, target }: MergeTask): Promise<string[]> => {
    const warnings: string[] = []
    const tensor = plan.tensors[i]!
    const warn = (text: string) => void warnings.push(text)
    await writeTensor(tensor, target, await mergeTensor(plan, tensor, scans, { rows, warn }))
    return warnings
  }

/** The same in another thread. */
export async function openMerger({ origin, backend, scans }: MergeThread): Promise<ReturnType<typeof mergerOf>> {
  await setBackend(backend, { threads: 1 })
  const { plan } = await reopenMerge(origin)
  return mergerOf(plan, scans)
}
