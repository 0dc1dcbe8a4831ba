// Threads, each held by one task at a time: tasks wait in turn.
import type {
  CopiedBytes,
  FileBytes,
  LossyPost,
  PassResult,
  PieceFault,
  PostPiece,
  RestoredLossy,
  RestoredPiece,
  StoredLossy,
  StoredPiece,
  TensorPass,
} from '../kernels/index.js'
import type { Thread } from './thread.js'

/** One thread, held by one task. */
export interface Lane {
  run(pass: TensorPass): Promise<PassResult>
  /** The checksum of bytes of a file. */
  check(piece: FileBytes): Promise<string>
  /** Copies bytes, and returns their checksums where they were and where they are. */
  copy(bytes: CopiedBytes): Promise<{ read: string; written: string }>
  release(): void
}

/** The same, for pieces of files. */
export interface PieceLane {
  /** A piece of a file as a record. */
  compress(piece: PostPiece): Promise<StoredPiece>
  /** Writes a piece from its record, unless something is wrong with it. */
  restore(piece: RestoredPiece): Promise<PieceFault>
  /** A piece of a tensor as a record that keeps less than all of its delta; null where a number is not finite or too large. */
  lose(piece: LossyPost): Promise<StoredLossy | null>
  /** Writes a piece from such a record, unless something is wrong with it. */
  regain(piece: RestoredLossy): Promise<PieceFault>
  release(): void
}

export interface Lanes<L = Lane> {
  /** Number of threads. */
  readonly jobs: number
  /** The next thread that is free, in the order of asking. */
  lease(): Promise<L>
  /** Ends the threads at once, and gives their memory back. New ones start when they are needed. */
  close(): Promise<void>
}

/** So many threads, which start when they are first needed. */
export function openLanes(jobs: number, start: () => Thread): Lanes<Lane & PieceLane> {
  const threads: Thread[] = []
  const idle: Thread[] = []
  const waiting: ((thread: Thread) => void)[] = []
  const take = async (): Promise<Thread> => {
    if (!idle.length && threads.length < jobs) {
      threads.push(start())
      return threads.at(-1)!
    }
    return idle.pop() ?? new Promise((resolve) => waiting.push(resolve))
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
  return {
    jobs,
    async lease() {
      const thread = await take()
      return {
        run: (pass) => thread.ask({ pass }) as Promise<PassResult>,
        check: (check) => thread.ask({ check }) as Promise<string>,
        copy: (copy) => thread.ask({ copy }) as ReturnType<Lane['copy']>,
        compress: (compress) => thread.ask({ compress }) as Promise<StoredPiece>,
        restore: (restore) => thread.ask({ restore }) as Promise<PieceFault>,
        lose: (lose) => thread.ask({ lose }) as Promise<StoredLossy | null>,
        regain: (regain) => thread.ask({ regain }) as Promise<PieceFault>,
        release: () => giveBack(thread),
      }
    },
    close,
  }
}
