// A piece of work on the heap that threads share: what it is, and which of its chunks are taken. Each chunk is done by one thread; which
// one, and how many threads there are, changes no bit of the result.
import type { HeapKernels } from './heap-kernels.js'

/** Places of the words. */
const STATE = 0
const CHUNKS = 1
const DONE = 2
const FAILED = 3
const READY = 4
const KERNEL = 5
const UNITS = 6
const COUNT = 7
const WORDS = 8
const MOST_NUMBERS = 16

/** The lowest bits of STATE are the number of chunks that nobody has taken, the others the number of the job. */
const MOST_CHUNKS = 255

/** Looks at a word before a thread sleeps: about 20 µs for the next job, and 100 µs for the end of one. */
const LOOKS = 2000
const PATIENCE = 10000

export const jobBytes = 4 * WORDS + 8 * MOST_NUMBERS

export interface HeapJob {
  kernel: number
  /** What the kernel takes before `from`, `to` and the scratch memory. */
  numbers: readonly number[]
  /** It has so many units, in so many chunks, at most 255. */
  units: number
  chunks: number
}

/** The board on which one thread writes jobs, and from which all take chunks. */
export class JobBoard {
  private readonly words: Int32Array
  private readonly numbers: Float64Array

  constructor(
    memory: SharedArrayBuffer,
    private readonly kernels: HeapKernels,
    /** Address of this thread's scratch memory. */
    private readonly scratch: number,
  ) {
    this.words = new Int32Array(memory, 0, WORDS)
    this.numbers = new Float64Array(memory, 4 * WORDS, MOST_NUMBERS)
  }

  /** Threads that have come to the board. */
  get ready(): number {
    return Atomics.load(this.words, READY)
  }

  /** Does a job, with whoever else is at the board. @throws Error where another thread failed */
  do({ kernel, numbers, units, chunks }: HeapJob): void {
    const { words } = this
    this.numbers.set(numbers)
    words[KERNEL] = kernel
    words[COUNT] = numbers.length
    words[UNITS] = units
    words[CHUNKS] = Math.min(chunks, MOST_CHUNKS)
    Atomics.store(words, DONE, 0)
    Atomics.store(words, STATE, (((words[STATE]! >>> 8) + 1) << 8) | words[CHUNKS]!)
    Atomics.notify(words, STATE)
    while (this.takeChunk());
    for (let looks = 0; ; looks++) {
      const done = Atomics.load(words, DONE)
      if (done === words[CHUNKS]) break
      if (looks > PATIENCE) Atomics.wait(words, DONE, done)
    }
    if (Atomics.load(words, FAILED)) throw new Error('a kernel failed in another thread')
  }

  /** Takes chunks for as long as the thread lives. */
  serve(): never {
    const { words } = this
    Atomics.add(words, READY, 1)
    for (let looks = 0; ; looks++) {
      const state = Atomics.load(words, STATE)
      if (this.takeChunk()) looks = 0
      else if (looks > LOOKS) Atomics.wait(words, STATE, state)
    }
  }

  /**
   * False where none is left. What is read of a job belongs to the chunk that is then taken: the state says that one is left, and a job
   * is replaced only when all its chunks are done, which changes the state.
   */
  private takeChunk(): boolean {
    const { words } = this
    const state = Atomics.load(words, STATE)
    const left = state & MOST_CHUNKS
    if (left === 0) return false
    const [chunks, units] = [words[CHUNKS]!, words[UNITS]!]
    const chunk = chunks - left
    const run = this.kernels.byNumber[words[KERNEL]!]!
    const numbers = this.numbers.slice(0, words[COUNT])
    if (Atomics.compareExchange(words, STATE, state, state - 1) !== state) return true
    try {
      run(...numbers, Math.floor((units * chunk) / chunks), Math.floor((units * (chunk + 1)) / chunks), this.scratch)
    } catch {
      Atomics.store(words, FAILED, 1)
    }
    Atomics.add(words, DONE, 1)
    Atomics.notify(words, DONE)
    return true
  }
}
