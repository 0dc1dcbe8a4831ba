// The folder that is to be written: whether its name is free, nothing that is read is lost with it, and the disk has room.
import { existsSync } from 'node:fs'
import { access, constants, lstat, readdir, realpath, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { amount, firstFew, UserError, unwritable } from '../errors/index.js'
import { bytesUnfinished, finishInterrupted, holdName } from './leftovers.js'
import { strangersIn } from './manifest.js'

/** An error names at most this many files. */
const NAMED = 5

/**
 * For commands that want to know before they compute; what an interrupted run left of the folder is put right.
 * @param inputs what is read; names of the hub do not count
 * @throws UserError when the name is taken or may not be written, or when something was put right
 */
export async function checkTarget(
  folder: string,
  given: string,
  overwrite: boolean,
  inputs: readonly string[] = [],
): Promise<void> {
  const target = await placeOf(folder, given)
  await checkPlace(folder, target)
  await checkApart(
    folder,
    inputs.filter((input) => existsSync(input)),
    target,
  )
  if (await stat(dirname(target)).catch(() => null)) {
    const release = holdName(folder, target)
    try {
      await finishInterrupted(folder, target)
    } finally {
      release()
    }
  }
  await checkFree(folder, target, overwrite)
}

/** Where a folder really is, or will be: a link to it is not replaced, but what it leads to. */
export async function placeOf(folder: string, given = resolve(folder)): Promise<string> {
  if (folder === '') throw new UserError('the folder to write has an empty name', { exitCode: 2 })
  const target = resolve(given)
  const real = await realpath(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    if (error.code === 'ENOTDIR') return target // said by checkPlace
    throw new UserError(`${folder}: cannot be used (${error.code})`, { cause: error })
  })
  if (real !== null) return real
  // Between the two looks another process may have put a folder here: that is no link.
  const isLink = await lstat(target).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  )
  if (isLink) throw new UserError(`${folder}: is a broken link`)
  return dirname(target) === target ? target : join(await placeOf(folder, dirname(target)), basename(target))
}

/** @throws UserError for what is no folder, cannot be one, or cannot be replaced as a whole */
export async function checkPlace(folder: string, target: string): Promise<void> {
  await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return
    throw new UserError(
      `${folder}: ${error.code === 'ENOTDIR' ? 'exists and is not a folder' : `cannot be used (${error.code})`}`,
      { cause: error },
    )
  })
  const above = await nearest(dirname(target))
  await access(above, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    throw unwritable(folder, cause)
  })
  const own = await stat(target).catch(() => null)
  if (own && own.dev !== (await stat(above)).dev)
    throw new UserError(`${folder}: a disk is mounted there, which cannot be replaced; choose a folder in it`)
}

/** @throws UserError for a folder with something in it, but for what this program wrote where it may be replaced */
export async function checkFree(folder: string, target: string, overwrite: boolean): Promise<void> {
  const entries = await readdir(target).catch(() => [])
  if (!entries.length) return
  if (!overwrite) throw new UserError(`${folder}: exists and is not empty; choose another name or give --overwrite`)
  await checkOwn(folder, target)
}

/** @param place where the files are now @throws UserError that names what this program did not write */
export async function checkOwn(folder: string, place: string): Promise<void> {
  const strangers = await strangersIn(place)
  if (strangers === null)
    throw new UserError(
      `${folder}: deltalab did not write this folder, and does not overwrite it; choose another name, or delete it yourself`,
    )
  if (!strangers.length) return
  throw new UserError(
    `${folder}: is not overwritten: ${firstFew(strangers, NAMED)} ${strangers.length > 1 ? 'are' : 'is'} not as deltalab wrote it; move it away, or choose another name`,
  )
}

/**
 * Throws a UserError when the folder is one that is read, lies in one, or holds one that would be replaced with it.
 * @param place where the folder really is; found when absent
 */
export async function checkApart(folder: string, inputs: Iterable<string>, place?: string): Promise<void> {
  const target = place ?? (await placeOf(folder))
  const isIn = (inner: string, outer: string) => !/^\.\.(?:[\\/]|$)/.test(relative(outer, inner))
  for (const given of inputs) {
    const input = await realpath(given)
    if (input === target) throw new UserError(`${folder} is an input; choose another name`)
    if (isIn(target, input))
      throw new UserError(`${folder} lies in ${given}, the folder of an input; choose a place outside it`)
    if (isIn(input, target))
      throw new UserError(`${folder} holds ${given}, an input, and would replace it; choose another name`)
  }
}

/** Throws a UserError when the disk of the folder has not room for so many bytes. What a run left unfinished is filled up, or makes room. */
export async function checkSpace(folder: string, target: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(await nearest(dirname(target)))
  const free = bavail * bsize
  if (bytes > free + (await bytesUnfinished(target)))
    throw new UserError(`${folder}: the disk is full: ${amount(bytes)} are needed, ${amount(free)} are free`)
}

/** The folder, or the first above it that exists. */
async function nearest(folder: string): Promise<string> {
  return (await stat(folder).catch(() => null)) || dirname(folder) === folder ? folder : nearest(dirname(folder))
}
