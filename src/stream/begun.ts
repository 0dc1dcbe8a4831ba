// Threads that begin before there is work for them. Apart from the engine, which takes longer to load than they take to begin.
import { Worker } from 'node:worker_threads'

/** They have no memory yet. */
const begun: Worker[] = []
const begin = (): Worker => new Worker(new URL('./worker.js', import.meta.url))

/** Lets threads begin while the program reads what they will work on; those that are not needed end with the first that is closed. */
export function beginThreads(count: number): void {
  while (begun.length < count) {
    const worker = begin()
    worker.unref()
    begun.push(worker)
  }
}

/** One that has begun, or a new one. */
export function takeThread(): Worker {
  const worker = begun.pop() ?? begin()
  worker.ref()
  return worker
}

/** Those that nobody took. */
export const leftThreads = (): Worker[] => begun.splice(0)
