// Errors of the system and of libraries, in words for people.
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

/** What the system refused (no such file, a full disk, no permission) as an error for people; null for any other error. */
export function systemError(error: unknown): UserError | null {
  const { code, syscall, path, message } = error as NodeJS.ErrnoException
  if (!(error instanceof Error) || code === undefined || syscall === undefined) return null
  const reason = message.replace(/^\w+: /, '').replace(/, \w+( '.*)?$/s, '')
  return new UserError(`${path ?? syscall}: ${reason} (${code})`, { cause: error })
}
