// Threads, each held by one task at a time: tasks wait in turn.
import type { CopiedBytes, PassResult, TensorPass, WrittenBytes } from '../kernels/index.js'
import type { Thread } from './thread.js'

/** One thread, held by one task. */
export interface Lane {
  run(pass: TensorPass): Promise<PassResult>
  /** The checksum of bytes that a pass wrote, from the file. */
  check(written: WrittenBytes): Promise<string>
  /** Copies bytes, and returns their checksum. */
  copy(bytes: CopiedBytes): Promise<string>
  release(): void
}

export interface Lanes {
  /** Number of threads. */
  readonly jobs: number
  /** The next thread that is free, in the order of asking. */
  lease(): Promise<Lane>
  /** SHA-256 of a file, hexadecimal: a task like the others. A file is read once. Rejects with the reason why it cannot be read. */
  hash(path: string): Promise<string>
  /** Ends the threads when all files are hashed, and gives their memory back. New ones start when they are needed. */
  rest(): Promise<void>
  /** Ends the threads at once. */
  close(): Promise<void>
}

/** So many threads, which start when they are first needed. */
export function openLanes(jobs: number, start: () => Thread): Lanes {
  const threads: Thread[] = []
  const idle: Thread[] = []
  const waiting: ((thread: Thread) => void)[] = []
  const take = async (first = false): Promise<Thread> => {
    if (!idle.length && threads.length < jobs) {
      threads.push(start())
      return threads.at(-1)!
    }
    return idle.pop() ?? new Promise((resolve) => (first ? waiting.unshift(resolve) : waiting.push(resolve)))
  }
  const giveBack = (thread: Thread): void => {
    const next = waiting.shift()
    if (next) next(thread)
    else idle.push(thread)
  }
  const close = async (): Promise<void> => {
    idle.length = 0
    await Promise.all(threads.splice(0).map((thread) => thread.close()))
  }
  const hashOne = async (path: string): Promise<string> => {
    // A file takes longer than a pass: begun last, it would be waited for. A thread that is alone does both in turn.
    const thread = await take(jobs > 1)
    try {
      return (await thread.ask({ hash: path })) as string
    } finally {
      giveBack(thread)
    }
  }
  // One thread is left to passes, so that work moves on from the start. Where there is one alone, files and passes take turns.
  const queues = Array.from({ length: Math.max(1, jobs - 1) }, () => Promise.resolve<unknown>(null))
  const hashes = new Map<string, Promise<string>>()
  return {
    jobs,
    async lease() {
      const thread = await take()
      return {
        run: (pass) => thread.ask({ pass }) as Promise<PassResult>,
        check: (check) => thread.ask({ check }) as Promise<string>,
        copy: (copy) => thread.ask({ copy }) as Promise<string>,
        release: () => giveBack(thread),
      }
    },
    hash(path) {
      const known = hashes.get(path)
      if (known) return known
      const queue = hashes.size % queues.length
      const hash = queues[queue]!.then(() => hashOne(path))
      queues[queue] = hash.catch(() => undefined) // said where it is awaited
      hashes.set(path, hash)
      return hash
    },
    async rest() {
      await Promise.all(queues)
      await close()
    },
    close,
  }
}
