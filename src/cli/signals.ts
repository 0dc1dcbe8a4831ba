// The signals that stop a program, and the exit code that a shell expects of each.

export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
export type Signal = keyof typeof EXIT_CODES
export const SIGNALS = Object.keys(EXIT_CODES) as Signal[]

/** The last line of a program that is stopped. @param said what becomes of its work, in sentences */
export function stoppedLine(said: readonly string[]): string {
  // Behind the ^C of the terminal.
  const line = process.stderr.isTTY ? '\n' : ''
  return `${line}${['deltalab: stopped', ...said].join('; ')}\n`
}
