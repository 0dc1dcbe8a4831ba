// Errors of the system and of libraries, in words for people.
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { UserError } from './user-error.js'

/**
 * Why a library cannot read a file, in one line. A TypeError or RangeError says only where its code failed, not what is wrong
 * with the file.
 */
export function reasonOf(cause: unknown): string {
  const { message = String(cause) } = cause as Error
  const failed = cause instanceof TypeError || cause instanceof RangeError || /\bundefined\b/.test(message)
  return failed ? 'its parts do not fit together' : message.replace(/\s+/g, ' ')
}

/** Whether a folder has no place there for that reason: of folders in folders that are to be made, Node says ENOENT then. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' && dirname(path) !== path ? isReadOnly(dirname(path)) : code === 'EROFS'
  }
}

/** `read-only file system (EROFS)`: Node's message without the call and its path. */
const systemReason = ({ code, message }: NodeJS.ErrnoException): string =>
  `${message.replace(/^\w+: /, '').replace(/, \w+( '.*)?$/s, '')} (${code})`

/** That a file or folder cannot be written, and why. */
export const unwritable = (path: string, cause: NodeJS.ErrnoException): UserError =>
  new UserError(`${path}: cannot be written: ${cause.code && cause.syscall ? systemReason(cause) : cause.message}`, {
    cause,
  })

/** What the system refused (no such file, a full disk, no permission) as an error for people; null for any other error. */
export function systemError(error: unknown): UserError | null {
  const { code, syscall, path } = error as NodeJS.ErrnoException
  if (!(error instanceof Error) || code === undefined || syscall === undefined) return null
  if (syscall === 'mkdir' && code === 'ENOENT' && isReadOnly(path!))
    return new UserError(`${path}: read-only file system (EROFS)`, { cause: error })
  return new UserError(`${path ?? syscall}: ${systemReason(error)}`, { cause: error })
}
