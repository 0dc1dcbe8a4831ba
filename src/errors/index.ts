// The one error class for people: what is wrong, what was given, what would be right. The CLI prints its message on one
// line and exits with its code; any other error is a bug and keeps its stack.
import { closest } from 'fastest-levenshtein'

export class UserError extends Error {
  /** Process exit code: 1 for bad input, 2 for wrong usage of the command line. */
  readonly exitCode: 1 | 2

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'UserError'
    this.exitCode = options.exitCode ?? 1
  }
}

/** `unknown editor "dar"; did you mean "dare"? Known: …` for a word that is not in the list. */
export function unknown(kind: string, given: string, known: readonly string[], exitCode: 1 | 2 = 1): UserError {
  // A part of a word is nearer to it than edit distance says: drop_rate, not k, for drop.
  const containing = given.length > 2 ? known.filter((word) => word.includes(given)) : []
  const near = closest(given, containing.length ? containing : known)
  const hint = known.length ? `did you mean ${JSON.stringify(near)}? Known: ${known.join(', ')}` : 'none is known'
  return new UserError(`unknown ${kind} ${JSON.stringify(given)}; ${hint}`, { exitCode })
}
