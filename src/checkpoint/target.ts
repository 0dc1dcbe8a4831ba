// The folder that is to be written: whether its name is free, nothing that is read is lost with it, and the disk has room.
import { access, constants, mkdir, mkdtemp, readdir, realpath, stat, statfs } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { PARTIAL } from './checkpoint.js'

/** Throws a UserError when the name is taken or may not be written; for commands that want to know before they compute. */
export async function checkTarget(folder: string, target: string, overwrite: boolean): Promise<void> {
  if (folder === '') throw new UserError('the folder to write has an empty name', { exitCode: 2 })
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new UserError(`${folder}: ${error.code === 'ENOTDIR' ? 'exists and is not a folder' : `cannot be used (${error.code})`}`, {
      cause: error,
    })
  })
  await access(await nearest(dirname(target)), constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${folder}: cannot be written: ${cause.message}`, { cause })
  })
  if (!entries.length) return
  if (!overwrite) throw new UserError(`${folder}: exists and is not empty; choose another name or give --overwrite`)
  // A folder of something else is never deleted, whatever was typed.
  if (!entries.some((name) => name.endsWith('.safetensors')))
    throw new UserError(`${folder}: is not a checkpoint folder and is not overwritten`)
}

/** Throws a UserError when the folder is one that is read, lies in one, or holds one that would be replaced with it. */
export async function checkApart(folder: string, inputs: Iterable<string>): Promise<void> {
  const target = await realpath(folder).catch(() => resolve(folder))
  const isIn = (inner: string, outer: string) => !/^\.\.(?:[\\/]|$)/.test(relative(outer, inner))
  for (const given of inputs) {
    const input = await realpath(given)
    if (input === target) throw new UserError(`${folder} is the folder of an input; choose another name`)
    if (isIn(target, input)) throw new UserError(`${folder} lies in ${given}, the folder of an input; choose a folder outside it`)
    if (isIn(input, target)) throw new UserError(`${folder} holds ${given}, an input, and would replace it; choose another name`)
  }
}

/** Throws a UserError when the disk of the folder has not room for so many bytes. */
export async function checkSpace(folder: string, target: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(await nearest(dirname(target)))
  if (bytes > bavail * bsize) throw new UserError(`${folder}: the disk is full: ${amount(bytes)} are needed, ${amount(bavail * bsize)} are free`)
}

/** The folder beside the target that is filled first. @throws UserError when it cannot be made, or would not hold `bytes` */
export async function makePartial(folder: string, target: string, bytes: number): Promise<string> {
  try {
    await checkSpace(folder, target, bytes)
    await mkdir(dirname(target), { recursive: true })
    return await mkdtemp(target + PARTIAL)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === undefined ? error : new UserError(`${folder}: cannot be written: ${message}`, { cause: error })
  }
}

export const amount = (bytes: number): string => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`)

/** The folder, or the first above it that exists. */
async function nearest(folder: string): Promise<string> {
  return (await stat(folder).catch(() => null)) || dirname(folder) === folder ? folder : nearest(dirname(folder))
}
