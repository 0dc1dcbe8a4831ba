// The one error class for people: what is wrong, what was given, what would be right. The command line prints its message on
// one line and exits with its code; any other error is a bug and keeps its stack.

/** Keys that lead to a value in a YAML or JSON document: `['editors', 0, 'drop_rate']`. */
export type Path = readonly PropertyKey[]

/** An error that a user can mend: its message says in one line what is wrong, what was given and what would be right. */
export class UserError extends Error {
  /** Process exit code: 1 for bad input, 2 for wrong usage of the command line. */
  readonly exitCode: 1 | 2
  /**
   * What the error is about in the document that was given, from where the code stands: callers put the keys they know before it
   * (`within`, `at`), and the reader of the document turns the whole into file, line and column. Undefined: no document.
   */
  path: Path | undefined

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown; path?: Path } = {}) {
    super(printable(shortened(message)), { cause: options.cause })
    this.name = 'UserError'
    this.exitCode = options.exitCode ?? 1
    this.path = options.path
  }

  /** The same error, about what lies under these keys. */
  at(...keys: Path): this {
    this.path = [...keys, ...(this.path ?? [])]
    return this
  }
}

/**
 * Runs `work` on what lies under `keys` of a document: they go before the path of its errors. A function changes the path in
 * another way. Work that is asynchronous may fail later.
 */
export function within<T>(keys: Path | ((path: Path) => Path), work: () => T): T {
  const place = (error: unknown): never => {
    if (error instanceof UserError) {
      if (typeof keys === 'function') error.path = keys(error.path ?? [])
      else error.at(...keys)
    }
    throw error
  }
  try {
    const result = work()
    return result instanceof Promise ? (result.catch(place) as T) : result
  } catch (error) {
    return place(error)
  }
}

/** A value that was given may be a hundred thousand letters long; its beginning tells which it is. */
const shortened = (text: string): string =>
  text
    .split(/([\s/])/) // A pattern for the words themselves overflows the stack where one has millions of letters.
    .map((word) => (word.length < 1000 ? word : `${word.slice(0, 60)}...`))
    .join('')

/** Text in which control characters, which a terminal would obey, are escaped; line breaks and tabs stay. */
export const printable = (text: string): string =>
  text.replace(
    /(?![\n\t])[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
