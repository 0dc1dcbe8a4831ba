// The one error class for people: what is wrong, what was given, what would be right. The CLI prints its message on one
// line and exits with its code; any other error is a bug and keeps its stack.
import { closest } from 'fastest-levenshtein'

/** An error that a user can mend: its message says in one line what is wrong, what was given and what would be right. */
export class UserError extends Error {
  /** Process exit code: 1 for bad input, 2 for wrong usage of the command line. */
  readonly exitCode: 1 | 2

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(printable(shortened(message)), { cause: options.cause })
    this.name = 'UserError'
    this.exitCode = options.exitCode ?? 1
  }
}

/** A value that was given may be a hundred thousand letters long; its beginning tells which it is. */
const shortened = (text: string): string => text.replace(/[^\s/]{1000,}/g, (word) => `${word.slice(0, 60)}...`)

/** Text in which control characters, which a terminal would obey, are escaped; line breaks and tabs stay. */
export const printable = (text: string): string =>
  text.replace(
    /(?![\n\t])[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** What a library says of a file that it cannot read, in one line; where it fell over the file, its words are no reason. */
export function reasonOf(cause: unknown): string {
  const { message = String(cause) } = cause as Error
  const fell = cause instanceof TypeError || cause instanceof RangeError || /\bundefined\b/.test(message)
  return fell ? 'its parts do not fit together' : message.replace(/\s+/g, ' ')
}

/** What the system refused (no such file, a full disk, no permission) as an error for people; null for any other error. */
export function systemError(error: unknown): UserError | null {
  const { code, syscall, path, message } = error as NodeJS.ErrnoException
  if (!(error instanceof Error) || code === undefined || syscall === undefined) return null
  const reason = message.replace(/^\w+: /, '').replace(/, \w+( '.*)?$/s, '')
  return new UserError(`${path ?? syscall}: ${reason} (${code})`, { cause: error })
}

/** `unknown editor "dar"; did you mean "dare"? Known: …` for a word that is not in the list. */
export function unknown(kind: string, given: string, known: readonly string[], exitCode: 1 | 2 = 1): UserError {
  // A part of a word is nearer to it than edit distance says: drop_rate, not k, for drop.
  const containing = given.length > 2 ? known.filter((word) => word.includes(given)) : []
  const near = closest(given, containing.length ? containing : known)
  const hint = known.length ? `did you mean ${JSON.stringify(near)}? Known: ${known.join(', ')}` : 'none is known'
  return new UserError(`unknown ${kind} ${JSON.stringify(given)}; ${hint}`, { exitCode })
}
