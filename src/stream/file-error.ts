// An error on its way from one thread to another, where an Error would lose its code and its class.
import { UserError } from '../errors/index.js'

/** An error as plain data. */
export type SentError = Pick<NodeJS.ErrnoException, 'message' | 'stack' | 'code' | 'syscall' | 'path'> & {
  /** Of a UserError, its exit code. */
  exitCode?: UserError['exitCode']
}

export function packError(error: unknown): SentError {
  const { message, stack, code, syscall, path } = error as NodeJS.ErrnoException
  const { exitCode } = error instanceof UserError ? error : {}
  return {
    message,
    ...(exitCode && { exitCode }),
    ...(stack && { stack }),
    ...(code && { code }),
    ...(syscall && { syscall }),
    ...(path && { path }),
  }
}

export function unpackError({ message, exitCode, ...rest }: SentError): Error {
  if (exitCode) return new UserError(message, { exitCode })
  return Object.assign(new Error(message), rest)
}
