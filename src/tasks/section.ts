// A task as a section of a YAML file, or an object in code: a text with its windows, or a task with other metrics than its own.
import { basename, extname } from 'node:path'
import { z } from 'zod'
import { checkValue, section } from '../schema/index.js'
import type { Card } from './cards/card.js'
import { completeCard } from './cards/read.js'
import { datasetOf, readTexts } from './texts/texts.js'

const word = z.string().min(1)
const count = z.int().min(1)

/** A section as a YAML file has it; `TaskSection` in code. */
export const taskSection = section({
  text: word
    .optional()
    .describe(
      'Texts that are scored token by token, relative to the YAML file: a plain text, a file with a column of texts (JSONL, JSON, CSV, Parquet), a folder of files, or `hub:org/name[/config]:split`.',
    ),
  task: word.optional().describe('Instead of `text`: a task, by its name or file, that is given other metrics.'),
  column: word.optional().describe('Column that holds the texts, of files with columns. Default: `text`.'),
  length: count.min(2).optional().describe('Tokens of a window. Default: the positions of the model, at most 1024.'),
  stride: count
    .optional()
    .describe('Tokens between the beginnings of two windows. Default: `length`, so that windows do not overlap.'),
  rolling: z
    .literal(true)
    .optional()
    .describe('Windows as those of `loglikelihood_rolling` of lm-evaluation-harness, which score every token.'),
  metric: z
    .union([word, z.array(word).min(1)])
    .optional()
    .describe('Metric, or several, the first of which gives the score. Default: `perplexity`, or those of the task.'),
  name: z
    .string()
    .regex(/^[\w.-]+$/, 'must be made of letters, digits, _ . and -')
    .optional()
    .describe('Name in rows and tables. Default: that of the file or task.'),
}).check(({ value, issues }) => {
  const wrong = (message: string, path: string[] = []) =>
    void issues.push({ code: 'custom', message, path, input: value })
  const { text, task } = value
  if ((text === undefined) === (task === undefined)) wrong('a task is either `text` or `task`')
  if (task === undefined) return
  const stray = (['column', 'length', 'stride', 'rolling'] as const).find((key) => value[key] !== undefined)
  if (stray) wrong('is of a text, and this is a task', [stray])
})

/** A text with its windows, or a task with other metrics: either `text` or `task` is given. */
export interface TaskSection {
  /** A file, a folder, or a data set of the hub (`hub:org/name[/config]:split`), whose texts are scored token by token. */
  text?: string | undefined
  /** Instead of a text: a task, by its name or file. */
  task?: string | undefined
  /** Column that holds the texts, of files with columns. Default: `text`. */
  column?: string | undefined
  /** Tokens of a window. Default: the positions of the model, at most 1024. */
  length?: number | undefined
  /** Tokens between the beginnings of two windows. Default: `length`. */
  stride?: number | undefined
  /** Windows as those of `loglikelihood_rolling` of lm-evaluation-harness, which score every token. */
  rolling?: true | undefined
  /** Metric, or several, the first of which gives the score. Default: `perplexity`, or those of the task. */
  metric?: string | string[] | undefined
  /** Name in rows and tables. Default: that of the file or task. */
  name?: string | undefined
}

/** A section as a word, as plans and messages name it. */
export const sectionWord = (given: TaskSection): string =>
  JSON.stringify(Object.fromEntries(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1))))

/** @throws UserError for an unknown key, or a value that the key cannot have */
export const checkSection = (given: unknown): TaskSection => checkValue(taskSection, given, 'task')

/** The section that a word is; undefined for the name of a task. */
export const readSection = (source: string): TaskSection | undefined =>
  source.startsWith('{') ? checkSection(JSON.parse(source)) : undefined

/** The name of a section's task; undefined where it is the name of `task`. */
export const sectionName = ({ name, text }: TaskSection): string | undefined =>
  name ?? (text === undefined ? undefined : nameOfText(text))

/** The name of a file or folder without its ending, of a data set without its organisation. */
function nameOfText(text: string): string {
  const data = datasetOf(text)
  const name = data ? basename(data.name).replace(/@.*/, '') : basename(text, extname(text))
  return name.normalize().replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, '_') || 'text'
}

/** The card of a text. */
export function textCard(given: TaskSection & { text: string }): Card {
  const { text, column, length, stride, rolling, metric = 'perplexity' } = given
  return completeCard(
    {
      name: sectionName(given)!,
      version: 1,
      description: `text of ${basename(text)}`,
      kind: 'text',
      data: text,
      preamble: '',
      prompt: '{{prompt}}',
      target: '{{text}}',
      metric,
      length,
      stride,
      rolling,
    },
    {
      origin: text,
      folder: process.cwd(),
      locate: (work) => work(),
      rows: (options) => readTexts({ text, column }, options),
    },
  )
}
