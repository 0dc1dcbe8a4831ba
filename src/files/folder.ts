// A folder that appears under its name complete or not at all: it is filled beside it, flushed to the disk, and renamed. What
// stands under the name then is replaced only where this program wrote it and --overwrite was given.
import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { amount, UserError, unwritable } from '../errors/index.js'
import { type BlockJournal, ChangedInput, removeJournal } from './journal.js'
import { finishInterrupted, holdName, OLD } from './leftovers.js'
import { markReplaced, removeOwn, sealFolder } from './manifest.js'
import { openPartial, type PartialFolder, type Resume, removePartial } from './partial.js'
import { checkFree, checkOwn, checkPlace, checkSpace, placeOf } from './target.js'

export interface FolderOptions {
  /** Replace a folder that this program wrote. */
  overwrite?: boolean | undefined
  /** What it will take on the disk, at least. */
  bytes: number
  /** Keep what is finished when the run is stopped, and go on with it; unless given, a run that is stopped leaves nothing. */
  resume?: Resume | undefined
}

/**
 * With `resume`, a run that is stopped by a signal or killed leaves the folder with its journal once a block is finished, and the
 * next run of the same work is given that folder. An error leaves nothing.
 *
 * @param fill writes everything into the folder that it is given, beside or over what is there, and keeps the journal. It is called
 * again, with an empty folder, where an input turns out to hold other bytes than in the earlier run.
 * @throws UserError for a name that is taken or held by another process, and for a full disk; nothing is left then. Where the name
 * was taken meanwhile, what was written is kept beside it, and the error says where.
 */
export async function writeFolder(
  folder: string,
  { overwrite = false, bytes, resume }: FolderOptions,
  fill: (partial: string, journal: BlockJournal) => Promise<void>,
): Promise<void> {
  const target = await placeOf(folder, resolve(folder))
  await checkPlace(folder, target)
  await checkSpace(folder, target, bytes)
  await within(folder, () => mkdir(dirname(target), { recursive: true }))
  const release = holdName(folder, target)
  let partial: PartialFolder | undefined
  let letGo = () => {}
  try {
    await finishInterrupted(folder, target)
    await checkFree(folder, target, overwrite)
    for (;;) {
      partial = await within(folder, () => openPartial(folder, target, resume))
      if (await isFilled(folder, partial, fill, resume)) break
      partial = undefined
    }
    letGo = partial.release
    const made = await finishPartial(partial)
    partial = undefined // complete: from here on it is not thrown away
    await place(folder, made, target, overwrite)
  } catch (error) {
    if (partial) removePartial(partial)
    throw ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')
      ? new UserError(`${folder}: the disk is full (${amount(bytes)} are needed); nothing was written`, {
          cause: error,
        })
      : error
  } finally {
    letGo()
    release()
  }
  await flush(dirname(target))
}

/** False where it must be filled again from the start, in a new folder. */
export async function isFilled(
  folder: string,
  partial: PartialFolder,
  fill: (partial: string, journal: BlockJournal) => Promise<void>,
  resume: Resume | undefined,
): Promise<boolean> {
  try {
    await fill(partial.path, partial.journal)
    return true
  } catch (error) {
    if (!(error instanceof ChangedInput)) throw error
    resume?.note(`${folder}: starts anew: ${error.file} has other bytes than in the run that was interrupted`)
    removePartial(partial)
    return false
  }
}

/** Completes a folder on the disk, which is returned. The list comes before the journal goes, so that no moment is without both. */
async function finishPartial({ path, journal }: PartialFolder): Promise<string> {
  journal.close()
  await sealFolder(path)
  removeJournal(path)
  await flush(path)
  return path
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
  return work().catch((cause: NodeJS.ErrnoException) => {
    throw unwritable(folder, cause)
  })
}

/** Makes renames and new names in a folder last through a power cut; not every system lets a folder be opened. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
