// The program of a thread that helps with work on the heap of the wasm backend. It answers no messages: it ends with the thread that
// started it.
import { workerData } from 'node:worker_threads'
import { JobBoard } from './heap-job.js'
import { heapKernels } from './heap-kernels.js'

export interface HeapWorkerFacts {
  memory: WebAssembly.Memory
  board: SharedArrayBuffer
  scratch: number
}

const { memory, board, scratch } = workerData as HeapWorkerFacts
new JobBoard(board, heapKernels(memory), scratch).serve()
