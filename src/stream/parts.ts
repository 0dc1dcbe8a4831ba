// Work on tensors, or on runs of their rows, that needs TensorFlow.js: in threads where that pays, or in this one, within a bound of
// memory. A tensor is finished when all of its parts are.
import { availableParallelism } from 'node:os'
import { countEntries, type Interval } from '../kernels/index.js'
import { checkStream, isLittle, MEMORY_BOUND, PROGRAM_BYTES, type StreamOptions, tooSmall } from './bound.js'
import { LEAST_MEMORY } from './engine.js'
import { freeArrays } from './garbage.js'
import { isPlain } from './plain.js'
import { runTasks, type TaskThreads, type ThreadTask } from './pool.js'

/** A tensor of a plan, by its number, or rows of it: an interval of the first axis. */
export interface TensorRows {
  tensor: number
  rows: Interval | null
}

/** Entries of a part, about. */
const PART = 1 << 22
/** What TensorFlow.js takes in a thread besides its tasks: its program, and garbage of earlier tasks. */
const THREAD_BYTES = 100e6
/** What it takes in the thread of the program. */
export const BACKEND_BYTES = 30e6

/** The parts that a tensor of this shape is worked on in. They depend on nothing else. @param apart whether parts need nothing of the rest */
export function cutTensor(tensor: number, shape: readonly number[], apart: boolean): TensorRows[] {
  const [count = 1, ...row] = shape
  const rows = Math.max(1, Math.floor(PART / (countEntries(row) || 1)))
  if (rows >= count || !apart) return [{ tensor, rows: null }]
  return Array.from({ length: Math.ceil(count / rows) }, (_, n) => ({
    tensor,
    rows: { from: n * rows, to: Math.min(count, (n + 1) * rows) },
  }))
}

/** Least bound on memory for tasks one after the other in the thread of the program. */
export const leastMemory = (tasks: readonly { bytes: number }[]): number =>
  tasks.reduce((most, { bytes }) => Math.max(most, PROGRAM_BYTES + BACKEND_BYTES + bytes), LEAST_MEMORY)

/** Work on a tensor, or on a part of it, and the bytes that it takes. */
interface MemoryTask {
  name: string
  bytes: number
  part?: TensorRows
}

/** @throws UserError for what is no bound, or one that is too small for one of the tasks, with the least that would do. @param what needs them */
export function checkMemory(tasks: readonly MemoryTask[], what: string, memory = MEMORY_BOUND): void {
  checkStream({ memory })
  const least = leastMemory(tasks)
  if (memory >= least) return
  const largest = tasks.reduce((one, two) => (two.bytes > one.bytes ? two : one), { name: '', bytes: 0 })
  const rows = largest.part?.rows
  const share = rows ? `${rows.to - rows.from} rows` : 'all'
  const why = leastMemory([largest]) > LEAST_MEMORY ? `, because ${what} needs ${share} of ${largest.name} at once` : ''
  throw tooSmall(memory, least, why)
}

/** Who works on parts. */
export interface PartWork<M, R> extends StreamOptions {
  /** Module of the threads. */
  script: URL
  /** What it is opened with; null for what cannot leave this thread. */
  data: unknown
  /** Entries of all tensors together. */
  entries: number
  /** The work on a part in this thread. */
  here(part: M): Promise<R>
  /** Called with the answers of the parts of a tensor, in their order. */
  done(tensor: number, answers: readonly R[]): Promise<void>
}

/** @throws the first error, when nothing is worked on any more */
export async function runParts<M extends TensorRows, R>(
  tasks: readonly ThreadTask<M>[],
  work: PartWork<M, R>,
): Promise<void> {
  const answers: R[] = []
  const open = new Map<number, number[]>()
  const parts = tasks.map(({ message }) => message as M)
  for (const [n, { tensor }] of parts.entries()) open.set(tensor, [...(open.get(tensor) ?? []), n])
  const awaited = new Map([...open].map(([tensor, all]) => [tensor, all.length]))
  const end = async (n: number, answer: R): Promise<void> => {
    const { tensor } = parts[n]!
    answers[n] = answer
    awaited.set(tensor, awaited.get(tensor)! - 1)
    if (awaited.get(tensor) === 0)
      await work.done(
        tensor,
        open.get(tensor)!.map((each) => answers[each]!),
      )
  }
  const threads = threadsFor(tasks, work)
  if (threads) await runTasks(tasks, threads, end)
  else
    for (const [n, part] of parts.entries()) {
      await end(n, await work.here(part))
      freeArrays()
    }
}

/** Null where the work is done here: one job, too little work, what cannot leave this thread, or fits only without another program. */
function threadsFor<M, R>(
  tasks: readonly ThreadTask<M>[],
  { script, data, entries, jobs, memory = MEMORY_BOUND }: PartWork<M, R>,
): TaskThreads | null {
  const most = Math.min(jobs ?? availableParallelism(), tasks.length)
  const free = memory - PROGRAM_BYTES
  if (most < 2 || data === null || !isPlain(data) || isLittle(entries, jobs)) return null
  if (tasks.some(({ bytes }) => bytes + THREAD_BYTES > free)) return null
  return { script, data, jobs: most, memory: free, base: THREAD_BYTES }
}
