// An error on its way from one thread to another, where an Error would lose its code and its class.
import { UserError } from '../errors/index.js'

/** An error as plain data. */
export type SentError = Pick<NodeJS.ErrnoException, 'message' | 'stack' | 'code' | 'syscall' | 'path'> & {
  /** Of a UserError, its exit code. */
  exitCode?: UserError['exitCode']
}

/** The code of a file that ends where bytes of it are wanted. */
const SHORT = 'SHORT'

/** @throws the error of a file that is shorter than it was */
export function failShort(path: string): never {
  throw Object.assign(new Error(`${path} ends early`), { code: SHORT, path })
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
  return rest.code === SHORT
    ? new UserError(`${rest.path}: ends inside a tensor: the file changed while it was read`)
    : Object.assign(new Error(message), rest)
}
