// Errors of work that does not know where its input comes from.
import { UserError } from '../../errors/index.js'

/** Runs work that may throw an error without a place, and gives it one. */
export function within<T>(
  work: () => T,
  place: (message: string) => UserError,
  kind: new (message: string) => Error = UserError,
): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof kind ? place(error.message) : error
  }
}
