// Tensors whose methods have no program on kernels: merged by the definitions of these, in worker threads or in this one.
import { availableParallelism } from 'node:os'
import type { WeightFiles } from '../checkpoint/index.js'
import {
  isPlain,
  MEMORY_BOUND,
  PROGRAM_BYTES,
  runTasks,
  type StreamOptions,
  type TaskThreads,
} from '../stream/index.js'
import { backendInUse, countEntries } from '../tensor/index.js'
import { mergeTensor, type PlanPart, type PlanScans, planParts, scanPlan } from './definition.js'
import { partBytes, THREAD_BYTES } from './need.js'
import type { MergeOrigin } from './opened.js'
import type { MergePlan } from './plan.js'
import type { MergeTask, MergeThread } from './thread.js'

/** Entries of all models together below which threads would take longer to start than they save. */
const SMALL = 1 << 23

export interface OtherTensors extends StreamOptions {
  /** Numbers of the tensors in the plan. */
  left: readonly number[]
  files: WeightFiles
  warnOf(i: number): (text: string) => void
  finish(i: number): Promise<void>
  /** What threads open; without it all is done here. */
  origin: MergeOrigin | null
}

/** A part, and what was said of it. */
type SaidPart = PlanPart & { warnings: string[] }

/** @throws the first error, once nothing is written any more */
export async function mergeOthers(plan: MergePlan, others: OtherTensors): Promise<void> {
  const { left, files, warnOf, finish } = others
  if (!left.length) return
  const scans = await scanPlan(plan, warnOf(left[0]!))
  const parts = left.flatMap((i) => planParts(plan, i)).map((part): SaidPart => ({ ...part, warnings: [] }))
  const open = new Map(left.map((i) => [i, parts.filter(({ tensor }) => tensor === i)]))
  const awaited = new Map([...open].map(([i, own]) => [i, own.length]))
  const end = async (i: number): Promise<void> => {
    awaited.set(i, awaited.get(i)! - 1)
    if (awaited.get(i)) return
    for (const { warnings } of open.get(i)!) warnings.forEach(warnOf(i))
    await finish(i)
  }
  const threads = threadsFor(plan, parts, scans, others)
  if (threads) return mergeInThreads(plan, parts, { threads, files, end })
  for (const { tensor: i, rows, warnings } of parts) {
    const tensor = plan.tensors[i]!
    const warn = (text: string) => void warnings.push(text)
    await files.write({ name: tensor.name, ...(await mergeTensor(plan, tensor, scans, { rows, warn })) })
    await end(i)
  }
}

/** The threads for this work; null where it is done here: one job, too little work, or something that cannot leave this thread. */
function threadsFor(
  plan: MergePlan,
  parts: readonly SaidPart[],
  scans: PlanScans,
  { jobs, memory = MEMORY_BOUND, origin }: OtherTensors,
): TaskThreads | null {
  const backend = backendInUse() ?? 'wasm'
  const most = Math.min(jobs ?? availableParallelism(), parts.length)
  const entries = new Set(parts.map(({ tensor }) => plan.tensors[tensor]!))
  const work = [...entries].reduce((sum, { shape, sources }) => sum + countEntries(shape) * sources.length, 0)
  // Native backends have threads of their own.
  if (most < 2 || !origin || !['wasm', 'cpu'].includes(backend) || !isPlain(scans)) return null
  if (jobs === undefined && work < SMALL) return null
  const free = memory - PROGRAM_BYTES
  // What fits only without a second program is done here.
  if (parts.some((part) => partBytes(plan, part) + THREAD_BYTES > free)) return null
  return {
    script: new URL('./worker.js', import.meta.url),
    data: { origin, backend, scans } satisfies MergeThread,
    jobs: most,
    memory: free,
    base: THREAD_BYTES,
  }
}

async function mergeInThreads(
  plan: MergePlan,
  parts: readonly SaidPart[],
  { threads, files, end }: { threads: TaskThreads; files: WeightFiles; end(i: number): Promise<void> },
): Promise<void> {
  const tasks = parts.map((part) => {
    const { name } = plan.tensors[part.tensor]!
    const message: MergeTask = { tensor: part.tensor, rows: part.rows, target: files.target(name) }
    return { name, message, bytes: partBytes(plan, part) }
  })
  await runTasks<MergeTask, string[]>(tasks, threads, async (n, warnings) => {
    const { tensor: i, rows, ...part } = parts[n]!
    const { name, shape } = plan.tensors[i]!
    part.warnings.push(...warnings)
    files.wrote(name, rows ? (rows.to - rows.from) * countEntries(shape.slice(1)) : countEntries(shape))
    await end(i)
  })
}
