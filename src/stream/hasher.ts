// Hashes files in a thread of its own, while others work.
import { Worker } from 'node:worker_threads'
import { type SentError, unpackError } from './file-error.js'

export interface Hasher {
  /** SHA-256 of a file, hexadecimal; a file is read once. Rejects with the reason why it cannot be read. */
  hash(path: string): Promise<string>
  close(): Promise<void>
}

/** The thread starts when the first file is asked for. */
export function openHasher(): Hasher {
  let worker: Worker | undefined
  let failure: Error | undefined
  const found = new Map<string, Promise<string>>()
  const open = new Map<string, { resolve(hash: string): void; reject(error: Error): void }>()
  const start = (): Worker => {
    const started = new Worker(new URL('./hash-worker.js', import.meta.url))
    started.on('message', ({ path, hash, error }: { path: string; hash?: string; error?: SentError }) => {
      if (hash === undefined) open.get(path)!.reject(unpackError(error!))
      else open.get(path)!.resolve(hash)
    })
    // It ends by itself only when it fails: what it was asked then, and what it is asked later, fails too.
    const fail = (error: Error) => {
      failure ??= error
      for (const { reject } of open.values()) reject(failure)
    }
    started.on('error', fail)
    started.on('exit', () => fail(new Error('the thread that hashes files ended')))
    return started
  }
  return {
    hash(path) {
      const known = found.get(path)
      if (known) return known
      worker ??= start()
      const hash = new Promise<string>((resolve, reject) => {
        if (failure) return reject(failure)
        open.set(path, { resolve, reject })
      })
      hash.catch(() => undefined) // said where it is awaited
      found.set(path, hash)
      worker.postMessage(path)
      return hash
    },
    async close() {
      await worker?.terminate()
    },
  }
}
