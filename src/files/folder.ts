// A folder that appears under its name complete or not at all: it is filled beside it, flushed to the disk, and renamed. What
// stands under the name then is replaced only where this program wrote it and --overwrite was given.
import { rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, open, readdir, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { finishInterrupted, holdName, OLD, PARTIAL } from './leftovers.js'
import { markReplaced, markUnfinished, removeOwn, sealFolder } from './manifest.js'
import { amount, checkFree, checkOwn, checkPlace, checkSpace, placeOf } from './target.js'

export interface FolderOptions {
  /** Replace a folder that this program wrote. */
  overwrite?: boolean | undefined
  /** What it will take on the disk, at least. */
  bytes: number
}

/**
 * @param fill writes everything into the folder that it is given
 * @throws UserError for a name that is taken or held by another process, and for a full disk; nothing is left then. Where the name
 * was taken meanwhile, what was written is kept beside it, and the error says where.
 */
export async function writeFolder(
  folder: string,
  { overwrite = false, bytes }: FolderOptions,
  fill: (partial: string) => Promise<void>,
): Promise<void> {
  const target = await placeOf(folder, resolve(folder))
  await checkPlace(folder, target)
  await checkSpace(folder, target, bytes)
  await within(folder, () => mkdir(dirname(target), { recursive: true }))
  const release = holdName(folder, target)
  let partial: string | undefined
  // Also when it is stopped by a signal, which the command line turns into an exit.
  const discard = () => {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true })
    release()
  }
  process.once('exit', discard)
  try {
    await finishInterrupted(folder, target)
    await checkFree(folder, target, overwrite)
    const made = (partial = await within(folder, () => mkdtemp(target + PARTIAL)))
    await markUnfinished(made)
    await chmod(made, 0o777 & ~process.umask()) // mkdtemp makes it private
    await fill(made)
    await sealFolder(made)
    await flush(made)
    partial = undefined // complete: from here on it is not thrown away
    await place(folder, made, target, overwrite)
  } catch (error) {
    throw ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')
      ? new UserError(`${folder}: the disk is full (${amount(bytes)} are needed); nothing was written`, {
          cause: error,
        })
      : error
  } finally {
    process.off('exit', discard)
    discard()
  }
  await flush(dirname(target))
}

/** Puts a finished folder under its name. */
async function place(folder: string, made: string, target: string, overwrite: boolean): Promise<void> {
  const id = made.slice(-6)
  const old = `${target}${OLD}${id}`
  let aside = false
  try {
    if ((await readdir(target).catch(() => [])).length) {
      if (!overwrite) throw new UserError(`${folder}: appeared while this was running, and is not replaced`)
      await checkOwn(folder, target)
      await markReplaced(target, id)
      await rename(target, old)
      aside = true
      await checkOwn(folder, old) // what came between the two lines
    }
    await rename(made, target) // an empty folder is replaced, another one is not
  } catch (error) {
    if (aside) await rename(old, target).catch(() => undefined)
    const kept = `${target}.finished-${id}`
    await rename(made, kept)
    const why =
      error instanceof UserError
        ? error.message
        : `${folder}: cannot be put in its place (${(error as NodeJS.ErrnoException).code})`
    throw new UserError(`${why}. What was written is in ${kept}`, { cause: error })
  }
  if (aside) await removeOwn(old)
}

async function within<T>(folder: string, work: () => Promise<T>): Promise<T> {
  return work().catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${folder}: cannot be written: ${error.message}`, { cause: error })
  })
}

/** Makes renames and new names in a folder last through a power cut; not every system lets a folder be opened. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
