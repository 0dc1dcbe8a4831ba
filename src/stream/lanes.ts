// Threads, each held by one task at a time, or by as many as it has places: tasks wait in turn.
import type {
  CopiedBytes,
  FileBytes,
  LossyFault,
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
import type { MadeInput } from './made.js'
import type { Thread } from './thread.js'

/** One thread, held by one task. */
export interface Lane {
  /** @param made inputs that lie in no file */
  run(pass: TensorPass, made?: readonly MadeInput[]): Promise<PassResult>
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
  restore(piece: RestoredPiece | RestoredLossy): Promise<PieceFault>
  /** A piece of a tensor as a record that keeps less than all of its delta. */
  lose(piece: LossyPost): Promise<StoredLossy | LossyFault>
  release(): void
}

export interface Lanes<L = Lane> {
  /** Number of threads. */
  readonly jobs: number
  /** Tasks that hold one of them at a time. */
  readonly places: number
  /** The next thread that is free, in the order of asking. */
  lease(): Promise<L>
  /** Ends the threads at once, and gives their memory back. New ones start when they are needed. */
  close(): Promise<void>
}

/**
 * So many threads, which start when they are first needed.
 * @param places tasks that hold a thread at a time: it takes up the next one without waiting for this thread
 */
export function openLanes(jobs: number, start: () => Thread, places = 1): Lanes<Lane & PieceLane> {
  /** How many tasks hold each. */
  const held = new Map<Thread, number>()
  const waiting: ((thread: Thread) => void)[] = []
  const take = async (): Promise<Thread> => {
    const [[freest, tasks] = [null, Infinity]] = [...held].sort(([, one], [, two]) => one - two)
    const isNew = tasks > 0 && held.size < jobs
    if (!isNew && tasks >= places) return new Promise((resolve) => waiting.push(resolve))
    const thread = isNew ? start() : freest!
    held.set(thread, (held.get(thread) ?? 0) + 1)
    return thread
  }
  const giveBack = (thread: Thread): void => {
    const next = waiting.shift()
    if (next) next(thread)
    else if (held.has(thread)) held.set(thread, held.get(thread)! - 1)
  }
  const close = async (): Promise<void> => {
    const threads = [...held.keys()]
    held.clear()
    await Promise.all(threads.map((thread) => thread.close()))
  }
  return {
    jobs,
    places: jobs * places,
    async lease() {
      const thread = await take()
      return {
        run: (pass, made = []) => thread.ask({ pass, made }) as Promise<PassResult>,
        check: (check) => thread.ask({ check }) as Promise<string>,
        copy: (copy) => thread.ask({ copy }) as ReturnType<Lane['copy']>,
        compress: (compress) => thread.ask({ compress }) as Promise<StoredPiece>,
        restore: (restore) => thread.ask({ restore }) as Promise<PieceFault>,
        lose: (lose) => thread.ask({ lose }) as Promise<StoredLossy | LossyFault>,
        release: () => giveBack(thread),
      }
    },
    close,
  }
}
