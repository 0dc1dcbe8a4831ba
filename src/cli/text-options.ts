// The options by which a command is given a text in the place of a task.
import { UserError } from '../errors/index.js'
import { expandPath } from '../schema/index.js'
import { checkCounts } from './options.js'

/** A text in the place of a task. */
export const TEXT = {
  text: {
    type: 'string' as const,
    coerce: expandPath,
    describe:
      'Instead of --task: texts that are scored token by token: a plain file, JSONL, JSON, CSV or Parquet, a folder, or hub:org/name[/config]:split',
  },
  column: { type: 'string' as const, describe: 'With --text: column that holds the texts; default text' },
  length: {
    type: 'number' as const,
    describe: "With --text: tokens of a window; default the model's positions, at most 1024",
  },
  stride: {
    type: 'number' as const,
    describe: 'With --text: tokens between the beginnings of two windows; default the length',
  },
}

interface TextArguments {
  text?: string | undefined
  column?: string | undefined
  length?: number | undefined
  stride?: number | undefined
}

/** The tasks, or the text, that a command was given. @throws UserError (usage) for both, for neither, and for settings without a text */
export async function readTasks(
  tasks: string[] | undefined,
  { text, column, length, stride }: TextArguments,
): Promise<string[]> {
  const wrong = (words: string) => new UserError(words, { exitCode: 2 })
  if (text !== undefined && tasks !== undefined) throw wrong('--task and --text exclude each other: give one of them')
  if (text === '') throw wrong('--text is empty: give a file of text')
  checkCounts({ length, stride })
  if (length === 1) throw wrong('--length must be at least 2; got 1: a token is scored after another')
  if (text !== undefined) {
    const { sectionWord } = await import('../tasks/index.js')
    return [sectionWord({ text, column, length, stride })]
  }
  const stray = Object.entries({ column, length, stride }).find(([, value]) => value !== undefined)
  if (stray) throw wrong(`--${stray[0]} is of a text: give --text with it`)
  if (tasks === undefined) throw wrong('give a task with --task, or a file of text with --text')
  return tasks
}

/** The task, or the text, of a command that takes one. */
export const readTask = async (task: string | undefined, given: TextArguments): Promise<string> =>
  (await readTasks(task === undefined ? undefined : [task], given))[0]!

/** What messages call a task: what was given, or the name of a text. */
export const wordsOfTask = async (task: string): Promise<string> => (await import('../tasks/index.js')).taskWords(task)
