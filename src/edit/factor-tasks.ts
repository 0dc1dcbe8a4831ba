// Factorises the deltas of a pair in worker threads, each tensor as one task, within a bound of memory.
import { availableParallelism } from 'node:os'
import type { Pair } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { StoredFormat } from '../kernels/index.js'
import { checkRoom, MEMORY_BOUND, PROGRAM_BYTES, runTasks, type StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import type { StoredValues } from './delta-memory.js'
import {
  type FactorAnswer,
  type FactorPlan,
  type FactorReply,
  type FactorTask,
  factorTaskBytes,
  fitsOneMemory,
  openFactorWork,
} from './factorise.js'
import { readInput } from './tensor.js'

/** What is wanted of a tensor of the pair; without a plan its squared norm alone. */
export interface FactorRequest {
  name: string
  plan: FactorPlan | null
}

/** What a thread takes besides its tasks. */
const THREAD_BYTES = 40e6
/** Entries of all tensors together below which threads would take longer to start than they save. */
const SMALL = 1 << 22

const NEED = { what: 'its singular vectors need', instead: 'leave it out with --exclude' }

/**
 * @param done is called once for each request, with its number, in any order
 * @throws UserError for a memory that is too small for one of the tensors, and for inputs that are not finite
 */
export async function factoriseAll(
  pair: Pair,
  requests: readonly FactorRequest[],
  { jobs = availableParallelism(), memory = MEMORY_BOUND }: StreamOptions,
  done: (i: number, answer: FactorAnswer) => void,
): Promise<void> {
  const room = memory - PROGRAM_BYTES - requests.reduce((sum, { plan }) => sum + factorBytes(plan), 0)
  for (const { name, plan } of requests) if (plan) checkSize(name, plan)
  const sure: number[] = []
  const run = async (chosen: readonly number[], exact: boolean): Promise<void> => {
    const tasks = chosen.map((i) => taskOf(pair, requests[i]!, exact))
    checkRoom(tasks, { room: room - THREAD_BYTES, memory }, NEED)
    await runEach(pair, tasks, { jobs, room }, (n, answer) => {
      const i = chosen[n]!
      if (requests[i]!.plan && !answer.factors && answer.squares > 0) sure.push(i)
      else done(i, answer)
    })
  }
  await run([...requests.keys()], false)
  if (sure.length)
    await run(
      sure.sort((a, b) => a - b),
      true,
    )
}

/** Bytes of the factors, which stay until the adapter is written. */
const factorBytes = (plan: FactorPlan | null): number =>
  plan ? 4 * plan.count * plan.rank * (plan.rows + plan.columns) : 0

interface NamedTask {
  name: string
  bytes: number
  size: number
  message(): Promise<FactorTask>
}

function taskOf(pair: Pair, { name, plan: wanted }: FactorRequest, exact: boolean): NamedTask {
  const size = countEntries(pair.post.tensors.get(name)!.shape)
  const plan = wanted && { ...wanted, exact }
  const [post, base] = [pair.post.place(name), pair.base.place(name)]
  const isStored = post !== null && base !== null
  return {
    name,
    size,
    bytes: factorTaskBytes(plan) + (isStored ? 0 : 12 * size),
    message: async () => ({
      size,
      plan,
      source: isStored
        ? { post: storedIn(post), base: storedIn(base) }
        : { delta: await readInput(pair, name, 'delta') },
    }),
  }
}

const storedIn = ({ file, begin, dtype }: { file: string; begin: number; dtype: string }): StoredValues => ({
  file,
  begin,
  dtype: dtype as StoredFormat,
})

function checkSize(name: string, plan: FactorPlan): void {
  if (!fitsOneMemory(plan))
    throw new UserError(
      `${name}: a matrix of ${plan.rows} × ${plan.columns} is too large: its singular vectors need all of it in one ` +
        'WebAssembly memory, which has 4 GB; leave it out with --exclude',
    )
}

async function runEach(
  pair: Pair,
  tasks: readonly NamedTask[],
  { jobs, room }: { jobs: number; room: number },
  done: (n: number, answer: FactorAnswer) => void,
): Promise<void> {
  /** Reads a tensor again in the way that says what is wrong with it. */
  const explain = async (n: number): Promise<never> => {
    await readInput(pair, tasks[n]!.name, 'delta')
    throw new UserError(`${tasks[n]!.name}: the values are not finite`)
  }
  if (jobs === 1 || tasks.reduce((sum, { size }) => sum + size, 0) < SMALL) {
    const { run, close } = openFactorWork()
    try {
      for (const [n, { message }] of tasks.entries()) {
        done(n, run(await message()) ?? (await explain(n)))
      }
    } finally {
      close()
    }
    return
  }
  const script = new URL('./factor-worker.js', import.meta.url)
  const threads = { script, data: null, jobs, memory: room, base: THREAD_BYTES }
  await runTasks<FactorTask, FactorReply>(tasks, threads, async (n, answer) => done(n, answer ?? (await explain(n))))
}
