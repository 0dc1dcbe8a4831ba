// Files that are whole or absent, and file-system errors in words for people.
import { access, constants, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { systemError, UserError, unwritable } from '../errors/index.js'
import { hold } from './holds.js'

/**
 * Writes under a temporary name, then renames, so that the final name never holds half a file. Pieces are written one behind the other.
 * @throws UserError where it cannot be written; nothing is left then
 */
export async function writeWhole(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>,
): Promise<void> {
  const draft = `${path}.part`
  const release = hold({ kind: 'temporary', path: draft })
  await attempt(path, async () => {
    const file = await open(draft, 'w')
    try {
      try {
        await writeFile(file, data)
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }).finally(release)
}

/**
 * Makes the folder that results go to, and finds out before anything is computed whether they can be written there.
 * @returns whether it was made
 */
export async function prepareFolder(folder: string): Promise<boolean> {
  return attempt(folder, () => makeFolder(resolve(folder), true))
}

/** Finds out whether results can be written to a folder that is there or will be made. */
export async function checkWritable(folder: string): Promise<void> {
  await attempt(folder, () => makeFolder(resolve(folder), false))
}

/** Level by level: Node's own way of making several never ends where the system has no such name (/proc), and hides why (a disk that is read only). */
async function makeFolder(folder: string, now: boolean): Promise<boolean> {
  const found = await stat(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    return null
  })
  if (!found) {
    if (dirname(folder) !== folder) await makeFolder(dirname(folder), now)
    if (!now) return false
    return mkdir(folder).then(
      () => true,
      (cause: NodeJS.ErrnoException) => {
        // Another process may make it at the same moment.
        if (cause.code !== 'EEXIST') throw cause
        return false
      },
    )
  }
  if (!found.isDirectory()) throw new UserError(`${folder}: is a file; a folder is wanted there`)
  await access(folder, constants.W_OK)
  return false
}

/** File-system errors (disk full, no permission) as one line for people. */
export async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new UserError(`the disk is full: cannot write ${path}; free some space and start again`, { cause })
    throw systemError(cause) ? unwritable(path, cause as Error) : cause
  }
}
