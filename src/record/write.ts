// Files that are whole or absent, and file-system errors in words for people.
import { open, rename } from 'node:fs/promises'
import { systemError, UserError } from '../errors/index.js'

/** Writes under a temporary name, then renames, so that the final name never holds half a file. */
export async function writeWhole(path: string, text: string | Uint8Array): Promise<void> {
  await attempt(path, async () => {
    const file = await open(`${path}.part`, 'w')
    try {
      await file.writeFile(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(`${path}.part`, path)
  })
}

/** File-system errors (disk full, no permission) as one line for people. */
export async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new UserError(`the disk is full: cannot write ${path}; free some space and start again to resume`, { cause })
    throw systemError(cause) ? new UserError(`cannot write ${path}: ${(cause as Error).message}`, { cause }) : cause
  }
}
