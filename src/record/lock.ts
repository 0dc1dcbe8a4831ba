// One writer at a time: a process locks the results folder that it writes. A lock left by a killed process is taken over.
import os from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { takeLock } from '../files/index.js'

/** The lock of a results folder. */
export const lockPath = (folder: string): string => join(folder, 'sweep.lock')

/**
 * Locks a folder and returns what unlocks it.
 * @throws UserError when a living process (this one included) holds the lock
 */
export function lockFolder(folder: string): () => void {
  const path = lockPath(folder)
  return takeLock(
    path,
    ({ pid, host }) =>
      new UserError(
        host === os.hostname()
          ? `${folder} is being written by process ${pid}: wait for it, or give another --out`
          : `${folder} is being written by process ${pid} of ${host}: wait for it, give another --out, or delete ${path} if that process is gone`,
      ),
  )
}
