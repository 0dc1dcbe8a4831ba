// Effective ranks of the deltas of a pair, in worker threads: a whole matrix is one task.
import { availableParallelism } from 'node:os'
import { isMatrix, type Pair } from '../checkpoint/index.js'
import {
  checkRoom,
  MEMORY_BOUND,
  PROGRAM_BYTES,
  runTasks,
  type StreamOptions,
  type ThreadTask,
} from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { meanRank, type RankTask, rankBytes } from './rank.js'

/** What a thread takes besides its tasks. */
const THREAD_BYTES = 40e6
/** Operations of all tasks together below which threads would take longer to start than they save; more would keep this thread from signals. */
const SMALL = 2e8
const NEED = { what: 'its effective rank needs', instead: 'leave ranks out with --rank-limit 0' }
/** Entries that are read at a time. */
const RUN = 1 << 20

type NamedTask = ThreadTask<RankTask> & { operations: number; message(): Promise<RankTask> }

/** The tensors that get a rank: matrices whose smaller side is at most `limit`. */
function tasksOf(pair: Pair, names: readonly string[], limit: number): NamedTask[] {
  return names.flatMap((name) => {
    const { shape } = pair.post.tensors.get(name)!
    const [rows = 0, columns = 0] = shape.slice(-2)
    const size = countEntries(shape)
    const side = Math.min(rows, columns)
    if (!isMatrix(name, shape) || side > limit) return []
    const message = async () => ({ values: await readDelta(pair, name, size), rows, columns })
    return [{ name, message, bytes: rankBytes(size, rows, columns), operations: size * side }]
  })
}

/** In runs, so that no other array is as large. */
async function readDelta({ base, post }: Pair, name: string, size: number): Promise<Float32Array> {
  const delta = new Float32Array(size)
  for (let from = 0; from < size; from += RUN) {
    const entries = { from, to: Math.min(size, from + RUN) }
    const [before, after] = [await base.readEntries(name, entries), await post.readEntries(name, entries)]
    for (let i = 0; i < after.length; i++) delta[from + i] = after[i]! - before[i]!
  }
  return delta
}

/**
 * Begins the work, which goes on while the first ranks are used.
 * @returns gives the rank of a tensor; null for one that has none. Tensors are best asked for in the order of their names
 * @throws UserError for a bound of memory that is too small for one of the matrices
 */
export function openRanks(
  pair: Pair,
  names: readonly string[],
  { limit, jobs = availableParallelism(), memory = MEMORY_BOUND }: StreamOptions & { limit: number },
): { start(): void; rankOf(name: string): Promise<number | null> } {
  const tasks = tasksOf(pair, names, limit)
  const room = memory - PROGRAM_BYTES
  checkRoom(tasks, { room: room - THREAD_BYTES, memory }, NEED)
  const own = tasks.reduce((sum, { operations }) => sum + operations, 0) < SMALL
  const byName = new Map(tasks.map((task) => [task.name, task]))
  if (own)
    return {
      start: () => undefined,
      rankOf: async (name) => (byName.has(name) ? meanRank(await byName.get(name)!.message()) : null),
    }
  const found = new Map(tasks.map(({ name }) => [name, deferred<number | null>()]))
  return {
    start() {
      const script = new URL('./rank-worker.js', import.meta.url)
      runTasks<RankTask, number | null>(
        tasks,
        { script, data: null, jobs, memory: room, base: THREAD_BYTES },
        async (i, rank) => found.get(tasks[i]!.name)!.resolve(rank),
      ).catch((error: unknown) => {
        for (const { reject } of found.values()) reject(error)
      })
    },
    rankOf: async (name) => (await found.get(name)?.promise) ?? null,
  }
}

/** A promise with what settles it; an error is kept until it is awaited. */
function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let [resolve, reject]: [(value: T) => void, (error: unknown) => void] = [() => undefined, () => undefined]
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
