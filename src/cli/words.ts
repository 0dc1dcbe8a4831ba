// The words of a command line before they are parsed. The main thread reads them, too, so this file imports nothing.

/** The word before what a shell asks to be completed. */
export const COMPLETE = '--get-yargs-completions'

/** Place of the command among the words: it is the first that is no option; −1 where there is none. */
export const commandAt = (words: readonly string[]): number => words.findIndex((word) => !word.startsWith('-'))

/** Whether a flag is on: `--quiet`, `--quiet=true`, `--quiet true`. */
export const isOn = (flag: string, words: readonly string[]): boolean =>
  words.some((word, at) => word === `--${flag}=true` || (word === `--${flag}` && words[at + 1] !== 'false'))
