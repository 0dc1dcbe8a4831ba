// A thread of a hasher: one file after the other, through one buffer.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { packError } from './file-error.js'

const buffer = new Uint8Array(1 << 20)

function hashFile(path: string): string {
  const file = openSync(path, 'r')
  try {
    const hash = createHash('sha256')
    for (let count = readSync(file, buffer); count; count = readSync(file, buffer))
      hash.update(buffer.subarray(0, count))
    return hash.digest('hex')
  } finally {
    closeSync(file)
  }
}

parentPort!.on('message', (path: string) => {
  try {
    parentPort!.postMessage({ hash: hashFile(path) })
  } catch (error) {
    parentPort!.postMessage({ error: packError(error) })
  }
})
