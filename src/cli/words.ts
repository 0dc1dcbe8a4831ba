// The words of a command line before they are parsed. The main thread reads them, too, so this file imports nothing.

/** The word before what a shell asks to be completed. */
export const COMPLETE = '--get-yargs-completions'

/** Place of the command among the words: it is the first that is no option; −1 where there is none. */
export const commandAt = (words: readonly string[]): number => words.findIndex((word) => !word.startsWith('-'))

/** Whether a flag is on: `--quiet`, `--quiet=true`, `--quiet true`. */
export const isOn = (flag: string, words: readonly string[]): boolean =>
  words.some((word, at) => word === `--${flag}=true` || (word === `--${flag}` && words[at + 1] !== 'false'))

/** Whether a command line asks for words alone: help, the version, or what may stand where the cursor is. */
export function asksForWords(words: readonly string[]): boolean {
  if (words.length === 0 || words[0] === COMPLETE || words[0] === 'help') return true
  const end = words.indexOf('--')
  const own = words.slice(0, end < 0 ? undefined : end)
  return own.includes('-h') || isOn('help', own) || isOn('version', own)
}

/**
 * Commands that compute little themselves: they leave long work to worker threads, or have none. The main thread runs them, which saves the
 * start of another one (40 ms), and has time for signals between what it does.
 */
const LEAVING = ['apply', 'deltas', 'editors', 'inspect', 'mergers', 'models', 'schema', 'tasks']
/** Commands that do so mostly: once they know, they stay there or begin again in a thread. */
const MOSTLY_LEAVING = ['edit', 'merge']

const commandOf = (words: readonly string[]): string => words[commandAt(words)] ?? ''

/** Whether the command of a line may find that it computes itself. */
export const mayHoldThread = (words: readonly string[]): boolean => MOSTLY_LEAVING.includes(commandOf(words))

/** Whether a command line calls one that the main thread begins. */
export const leavesWork = (words: readonly string[]): boolean =>
  LEAVING.includes(commandOf(words)) || mayHoldThread(words)

/** The first phase that is shown of a command; null where nothing is shown. */
export const firstPhase = (words: readonly string[]): string | null =>
  isOn('quiet', words) || isOn('verbose', words) ? null : `deltalab ${words[commandAt(words)] ?? ''}`
