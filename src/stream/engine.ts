// The engine: worker threads that run passes over tensors. Each has a memory of its own; together they stay within the bound.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type CopiedBytes, PassError, type PassResult, type TensorPass, type WrittenBytes } from '../kernels/index.js'
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
export const PROGRAM_BYTES = 110e6
/** What a thread takes besides its memory. */
const THREAD = 24e6
/** Least memory of a thread that is of use. */
const LEAST = 16e6
/** The bound of memory below which no thread is of use. */
export const LEAST_MEMORY = PROGRAM_BYTES + THREAD + LEAST
/** Above 4 GiB a WebAssembly memory cannot grow. */
const MOST = 2 ** 32 - 65536

/** Entries of a block. */
const BLOCK = 1 << 22

export interface StreamOptions {
  /** Threads; by default one per core. */
  jobs?: number | undefined
  /** Bound in bytes for the whole process. Default 1 GB. */
  memory?: number | undefined
}

/** The bound of memory where none is given. */
export const MEMORY_BOUND = 1e9

/** Threads start when they are first needed. */
export function openStream({ jobs = availableParallelism(), memory = MEMORY_BOUND }: StreamOptions = {}): StreamEngine {
  const fitting = Math.max(1, Math.min(jobs, Math.floor((memory - PROGRAM_BYTES) / (THREAD + LEAST))))
  const bytes = Math.min(MOST, Math.max(LEAST, (memory - PROGRAM_BYTES) / fitting - THREAD))
  const free: Thread[] = []
  const waiting: ((thread: Thread) => void)[] = []
  const threads: Thread[] = []
  const giveBack = (thread: Thread) => {
    const next = waiting.shift()
    if (next) next(thread)
    else free.push(thread)
  }
  return {
    jobs: fitting,
    bytes,
    block: BLOCK,
    async lease() {
      let thread = free.pop()
      if (!thread && threads.length < fitting) {
        thread = startThread(bytes)
        threads.push(thread)
      }
      const own = thread ?? (await new Promise<Thread>((resolve) => waiting.push(resolve)))
      return {
        run: (pass) => own.ask({ pass }) as Promise<PassResult>,
        check: (check) => own.ask({ check }) as Promise<string>,
        copy: (copy) => own.ask({ copy }) as Promise<string>,
        release: () => giveBack(own),
      }
    },
    async close() {
      free.length = 0
      await Promise.all(threads.splice(0).map((thread) => thread.close()))
    },
  }
}

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
        worker.postMessage({ id, ...question } satisfies StreamRequest)
      })
    },
    async close() {
      worker.postMessage('close' satisfies StreamRequest)
      await ended
    },
  }
}
