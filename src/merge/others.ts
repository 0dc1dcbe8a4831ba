// Tensors whose methods have no program on kernels: merged by the definitions of these, in worker threads or in this one.
import type { WeightFiles } from '../checkpoint/index.js'
import { runParts, type StreamOptions } from '../stream/index.js'
import { countEntries, weightsBackend } from '../tensor/index.js'
import { scanPlan } from './definition.js'
import { mergeParts } from './need.js'
import type { MergeOrigin } from './opened.js'
import type { MergePlan } from './plan.js'
import { type MergeTask, type MergeThread, mergerOf } from './thread.js'

export interface OtherTensors extends StreamOptions {
  /** Numbers of the tensors in the plan. */
  left: readonly number[]
  files: WeightFiles
  /** What threads open; without it all is done here. */
  origin: MergeOrigin | null
  /** Is told what the methods warn of. */
  finish(i: number, warnings: readonly string[]): Promise<void>
}

/** @throws the first error, when nothing is written any more */
export async function mergeOthers(
  plan: MergePlan,
  { left, files, origin, finish, jobs, memory }: OtherTensors,
): Promise<void> {
  const ofModels: string[] = []
  const scans = await scanPlan(plan, (text) => void ofModels.push(text))
  const backend = weightsBackend()
  const tasks = mergeParts(plan, left).map(({ part, ...task }) => ({
    ...task,
    message: { ...part, target: files.target(task.name) },
  }))
  await runParts<MergeTask, string[]>(tasks, {
    jobs,
    memory,
    script: new URL('./worker.js', import.meta.url),
    data: origin && ({ origin, backend, scans } satisfies MergeThread),
    entries: left.reduce((sum, i) => sum + countEntries(plan.tensors[i]!.shape) * plan.tensors[i]!.sources.length, 0),
    here: mergerOf(plan, scans),
    async done(i, answers) {
      const { name, shape } = plan.tensors[i]!
      files.wrote(name, countEntries(shape))
      await finish(i, [...(i === left[0] ? ofModels : []), ...answers.flat()])
    },
  })
}
