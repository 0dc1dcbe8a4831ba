// Threads that begin before there is work for them. Apart from the engine, which takes longer to load than they take to begin.
import { Worker } from 'node:worker_threads'

/** They have no memory yet. */
const begun: Worker[] = []
/** How many are still to begin. */
let left = 0
const begin = (): Worker => new Worker(new URL('./worker.js', import.meta.url))

export function beginInTurn(count: number): void {
  left = count
  beginNext()
}

function beginNext(): void {
  if (left-- <= 0) return
  const worker = begin()
  worker.unref()
  begun.push(worker)
  worker.once('online', beginNext)
}

/** One that has begun, or a new one. */
export function takeThread(): Worker {
  const ready = begun.pop()
  if (!ready) left--
  const worker = ready ?? begin()
  worker.ref()
  return worker
}

/** Those that nobody took. */
export function leftThreads(): Worker[] {
  left = 0
  return begun.splice(0)
}
