// Merges tensors in a worker thread, by the definitions of their methods: opens the same merge, and writes what it made in place.
import { writeTensor } from '../checkpoint/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { mergeTensor, type PlanPart, type PlanScans } from './definition.js'
import { type MergeOrigin, reopenMerge } from './opened.js'

export interface MergeThread {
  origin: MergeOrigin
  backend: BackendName
  scans: PlanScans
}

export interface MergeTask extends PlanPart {
  /** Where the tensor goes. */
  target: { file: string; begin: number }
}

/** @returns what does the tasks; each answers what the methods warned of */
export async function openMerger({
  origin,
  backend,
  scans,
}: MergeThread): Promise<(task: MergeTask) => Promise<string[]>> {
  await setBackend(backend)
  const { plan } = await reopenMerge(origin)
  return async ({ tensor: i, rows, target }) => {
    const warnings: string[] = []
    const tensor = plan.tensors[i]!
    const warn = (text: string) => void warnings.push(text)
    await writeTensor(tensor, target, await mergeTensor(plan, tensor, scans, { rows, warn }))
    return warnings
  }
}
