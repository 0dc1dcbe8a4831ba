// Work on the heap of the wasm backend, on several threads where it is large and the memory is shared.
import { Worker } from 'node:worker_threads'
import { JobBoard, jobBytes } from './heap-job.js'
import { HEAP_KERNELS, type HeapKernelName, heapKernels } from './heap-kernels.js'
import type { HeapWorkerFacts } from './heap-worker.js'

/** What work is counted in: multiplications and additions, or as long as they take. */
const LEAST = 5e5
/** The threads start when so much was done alone: a short command needs none. */
const START = 1e9
/** A thread that other programs hold up leaves what it did not begin to the others. */
const CHUNKS_EACH = 4

export class HeapThreads {
  private readonly kernels
  private readonly scratch: number
  private board: JobBoard | null = null
  private soFar = 0

  /**
   * @param allocate gives an address for so many bytes of the memory
   * @param threads that compute, with this one; only 1 unless the memory is shared
   */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly allocate: (bytes: number) => number,
    private readonly threads: number,
  ) {
    this.kernels = heapKernels(memory)
    this.scratch = allocate(this.kernels.scratch)
  }

  /** Other threads that have come to help so far. */
  get helpers(): number {
    return this.board?.ready ?? 0
  }

  get gemmPanel() {
    return this.kernels.gemmPanel
  }

  /**
   * Does all units of a piece of work.
   * @param numbers what the kernel takes before `from`, `to` and its scratch memory
   * @param work of all units together
   */
  run(name: HeapKernelName, numbers: readonly number[], units: number, work: number): void {
    const kernel = HEAP_KERNELS.indexOf(name)
    if (this.threads > 1 && work >= LEAST) {
      if (!this.board && (this.soFar += work) >= START) this.board = this.open()
      if (this.helpers > 0) {
        const chunks = Math.min(units, CHUNKS_EACH * this.threads, Math.ceil((2 * work) / LEAST))
        this.board!.do({ kernel, numbers, units, chunks })
        return
      }
    }
    this.kernels.byNumber[kernel]!(...numbers, 0, units, this.scratch)
  }

  /** Starts the other threads. They come to the board in their own time. */
  private open(): JobBoard {
    const board = new SharedArrayBuffer(jobBytes)
    for (let thread = 1; thread < this.threads; thread++) {
      const workerData: HeapWorkerFacts = {
        memory: this.memory,
        board,
        scratch: this.allocate(this.kernels.scratch),
      }
      new Worker(new URL('./heap-worker.js', import.meta.url), { workerData }).unref()
    }
    return new JobBoard(board, this.kernels, this.scratch)
  }
}
