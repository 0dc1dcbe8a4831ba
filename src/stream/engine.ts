// The engine: worker threads that run passes over tensors. Each has a memory of its own; together they stay within the bound.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import {
  type CopiedBytes,
  columnsOf,
  PassError,
  type PassResult,
  stripOf,
  type TensorPass,
  type WrittenBytes,
  workingBytes,
} from '../kernels/index.js'
import { checkStream, MEMORY_BOUND, type StreamOptions, tooSmall } from './bound.js'
import { type SentError, unpackError } from './file-error.js'

/** What a thread is asked for, and what it answers: a pass, or the checksum of what is written or copied. */
export type ThreadQuestion = { pass: TensorPass } | { check: WrittenBytes } | { copy: CopiedBytes }
export type ThreadAnswer = PassResult | string

export type StreamRequest = ({ id: number } & ThreadQuestion) | 'close'

export type StreamReply = { id: number } & (
  | { result: ThreadAnswer }
  | { stopped: Pick<PassError, 'of' | 'index' | 'value'> }
  | { error: SentError }
)

/** One thread, held by one task at a time. */
export interface Lane {
  run(pass: TensorPass): Promise<PassResult>
  /** The checksum of bytes that a pass wrote, from the file. */
  check(written: WrittenBytes): Promise<string>
  /** Copies bytes, and returns their checksum. */
  copy(bytes: CopiedBytes): Promise<string>
  release(): void
}

/** Worker threads for the passes of a command. */
export interface StreamEngine {
  /** Number of threads. */
  readonly jobs: number
  /** Bytes of memory of each thread. */
  readonly bytes: number
  /** Entries of one block, about: what a thread does at a time, and what is done again after an interruption. */
  readonly block: number
  /** The next thread that is free, in the order of asking. */
  lease(): Promise<Lane>
  /** Ends the threads, and gives their memory back. New ones start when they are needed. */
  close(): Promise<void>
}

/** What the program itself takes, before a tensor is read. */
export const PROGRAM_BYTES = 135e6
/** What a thread takes besides its memory. */
const THREAD = 24e6
/** Least memory of a thread that is of use. */
const LEAST = 16e6
/** The least bound that is of use. */
export const LEAST_MEMORY = PROGRAM_BYTES + THREAD + LEAST
/** Above 4 GiB a WebAssembly memory cannot grow. */
const MOST = 2 ** 32 - 65536

/** Entries of a block, about: where all inputs are read by the threads, and where some are computed for them. */
const BLOCK = { read: 1 << 22, computed: 1 << 20 }
/** Bytes for an entry of a computed input: its value, and what it is made of. */
const COMPUTED = 8
/** Bytes of computed inputs that a thread, this one too, has done with before it gives them back. */
const DONE_WITH = 40e6

/** The tensors that a command works on: shapes, how many models are read at a time, and how many inputs are computed, the base among them. */
export type StreamedTensors = Iterable<{ shape: readonly number[]; models: number; computed: number }>

/** The least bound for one thread that works on any of these tensors, strip by strip. */
export function leastStream(tensors: StreamedTensors = []): number {
  const { own, besides } = layOut(tensors)
  return own + besides + leastOf(tensors)
}

/** The size of a block, and bytes that are no memory of threads: of this one, and of each other. */
function layOut(tensors: StreamedTensors): { block: number; own: number; besides: number } {
  let most = 0
  for (const { computed } of tensors) most = Math.max(most, computed)
  if (!most) return { block: BLOCK.read, own: PROGRAM_BYTES, besides: THREAD }
  const besides = THREAD + DONE_WITH + COMPUTED * BLOCK.computed * most
  return { block: BLOCK.computed, own: PROGRAM_BYTES + DONE_WITH, besides }
}

/** Bytes of memory that a thread must have for that. */
function leastOf(tensors: StreamedTensors): number {
  let least = LEAST
  for (const { shape, models } of tensors) {
    const columns = columnsOf(shape)
    least = Math.max(least, workingBytes(stripOf(columns), columns, models))
  }
  return least
}

/**
 * Threads start when they are first needed; fewer than asked for where the memory does not do for all.
 * @throws UserError for numbers that are no bounds, and for a bound that is too small for one thread, with the least that would do
 */
export function openStream(
  { jobs = availableParallelism(), memory = MEMORY_BOUND }: StreamOptions = {},
  tensors: StreamedTensors = [],
): StreamEngine {
  checkStream({ jobs, memory })
  const least = leastOf(tensors)
  if (memory < leastStream(tensors)) throw tooSmall(memory, leastStream(tensors))
  const { block, own, besides } = layOut(tensors)
  const fitting = Math.min(jobs, Math.floor((memory - own) / (besides + least)))
  const bytes = Math.min(MOST, (memory - own) / fitting - besides)
  const idle: Thread[] = []
  const waiting: ((thread: Thread) => void)[] = []
  const threads: Thread[] = []
  const giveBack = (thread: Thread) => {
    const next = waiting.shift()
    if (next) next(thread)
    else idle.push(thread)
  }
  return {
    jobs: fitting,
    bytes,
    block,
    async lease() {
      let thread = idle.pop()
      if (!thread && threads.length < fitting) {
        thread = startThread(bytes)
        threads.push(thread)
      }
      const leased = thread ?? (await new Promise<Thread>((resolve) => waiting.push(resolve)))
      return {
        run: (pass) => leased.ask({ pass }) as Promise<PassResult>,
        check: (check) => leased.ask({ check }) as Promise<string>,
        copy: (copy) => leased.ask({ copy }) as Promise<string>,
        release: () => giveBack(leased),
      }
    },
    async close() {
      idle.length = 0
      await Promise.all(threads.splice(0).map((thread) => thread.close()))
    },
  }
}

/** The buffers of computed inputs, which a thread takes over. */
const ownedBy = (question: ThreadQuestion): ArrayBuffer[] =>
  !('pass' in question)
    ? []
    : [question.pass.base, ...question.pass.models].flatMap((source) =>
        source && 'values' in source ? [source.values.buffer as ArrayBuffer] : [],
      )

interface Thread {
  ask(question: ThreadQuestion): Promise<ThreadAnswer>
  close(): Promise<void>
}

function startThread(bytes: number): Thread {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { bytes } })
  const open = new Map<number, { resolve(result: ThreadAnswer): void; reject(error: Error): void }>()
  let count = 0
  worker.on('message', (reply: StreamReply) => {
    const { resolve, reject } = open.get(reply.id)!
    open.delete(reply.id)
    if ('result' in reply) resolve(reply.result)
    else if ('error' in reply) reject(unpackError(reply.error))
    else reject(new PassError(reply.stopped.of, reply.stopped.index, reply.stopped.value))
  })
  // A thread ends by itself only when it fails: what it was asked then, and what it is asked later, fails too.
  let failure: Error | undefined
  const fail = (error: Error) => {
    failure ??= error
    for (const { reject } of open.values()) reject(failure)
    open.clear()
  }
  worker.on('error', fail)
  const ended = new Promise<void>((resolve) =>
    worker.on('exit', (code) => {
      fail(new Error(`a worker thread ended with exit code ${code}`))
      resolve()
    }),
  )
  return {
    ask(question) {
      const id = count++
      return new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        open.set(id, { resolve, reject })
        worker.postMessage({ id, ...question } satisfies StreamRequest, ownedBy(question))
      })
    },
    async close() {
      worker.postMessage('close' satisfies StreamRequest)
      await ended
    },
  }
}
