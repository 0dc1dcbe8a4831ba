// Hashes files in threads of their own, a file each, while others work.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type SentError, unpackError } from './file-error.js'

export interface Hasher {
  /** SHA-256 of a file, hexadecimal; a file is read once. Rejects with the reason why it cannot be read. */
  hash(path: string): Promise<string>
  close(): Promise<void>
}

interface HashThread {
  /** Hashes one file; the thread is busy until then. */
  hash(path: string): Promise<string>
  close(): Promise<unknown>
}

/** As many threads as cores, each started for the first file that finds no other free. */
export function openHasher(): Hasher {
  const threads: HashThread[] = []
  const idle: HashThread[] = []
  const waiting: ((thread: HashThread) => void)[] = []
  const found = new Map<string, Promise<string>>()
  const lease = async (): Promise<HashThread> => {
    if (!idle.length && threads.length < availableParallelism()) {
      threads.push(startThread())
      return threads.at(-1)!
    }
    return idle.pop() ?? new Promise((resolve) => waiting.push(resolve))
  }
  const hash = async (path: string): Promise<string> => {
    const thread = await lease()
    try {
      return await thread.hash(path)
    } finally {
      const next = waiting.shift()
      if (next) next(thread)
      else idle.push(thread)
    }
  }
  return {
    hash(path) {
      const known = found.get(path)
      if (known) return known
      const fresh = hash(path)
      fresh.catch(() => undefined) // said where it is awaited
      found.set(path, fresh)
      return fresh
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()))
    },
  }
}

function startThread(): HashThread {
  const worker = new Worker(new URL('./hash-worker.js', import.meta.url))
  let open: { resolve(hash: string): void; reject(error: Error): void } | undefined
  let failure: Error | undefined
  worker.on('message', ({ hash, error }: { hash?: string; error?: SentError }) => {
    if (hash === undefined) open!.reject(unpackError(error!))
    else open!.resolve(hash)
  })
  // It ends by itself only when it fails: what it was asked then, and what it is asked later, fails too.
  const fail = (error: Error) => {
    failure ??= error
    open?.reject(failure)
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('a thread that hashes files ended')))
  return {
    hash: (path) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        open = { resolve, reject }
        worker.postMessage(path)
      }),
    close: () => worker.terminate(),
  }
}
