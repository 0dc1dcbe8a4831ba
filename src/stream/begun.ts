// Threads that begin before there is work for them. Apart from the engine, which takes longer to load than they take to begin.
import { Worker } from 'node:worker_threads'

/** They have no memory yet. */
export const begun: Worker[] = []
export const begin = (): Worker => new Worker(new URL('./worker.js', import.meta.url))

/** One that has begun, or a new one. */
export function takeThread(): Worker {
  const worker = begun.pop() ?? begin()
  worker.ref()
  return worker
}

/** Those that nobody took. */
export const leftThreads = (): Worker[] => begun.splice(0)
