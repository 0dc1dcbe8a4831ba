// The card of a task: a YAML file that names the data, the prompt, the metric and a version.
import { z } from 'zod'
import { UserError } from '../../errors/index.js'
import type { ResolveOptions } from '../../hub/index.js'
import { type RegexError, searchRegex } from '../../regex/index.js'
import { section } from '../../schema/index.js'
import type { AnswerMetric } from '../scoring/answer-metric.js'
import type { ChoiceMetric } from '../scoring/choice.js'
import type { PlacedRow } from './rows.js'

const text = z.string().min(1)
const names = z.union([text, z.array(text).min(1)])
const regex = text.superRefine((source, context) => {
  try {
    searchRegex(source)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is a pattern that ${(error as RegexError).message}` })
  }
})

const Hub = section({
  hub: text
    .regex(/^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/, 'must be org/name or org/name@revision')
    .describe('Data set of the hub: org/name, or org/name@revision.'),
  config: names.optional().describe('Configuration of it, or several, one after the other.'),
  split: text.describe('Split that is measured on.'),
  files: text
    .optional()
    .describe("Path of the files, or a pattern with `*`, where the layout is not one of the hub's."),
})

const FewShot = section({
  number: z.int().min(0).default(0).describe('Examples before every prompt; `name:5` asks for five.'),
  file: text.optional().describe('File that they are drawn from, relative to the card.'),
  split: text.optional().describe('Split of the data set that they are drawn from.'),
  samples: z.array(z.record(z.string(), z.unknown())).optional().describe('Rows to take them from, written down here.'),
  sampling: z
    .enum(['first', 'random'])
    .default('first')
    .describe(
      '`first`: the same for all. `random`: drawn for one item after the other as lm-evaluation-harness does, with the generator of Python.',
    ),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1234)
    .describe('Seed of the draws.'),
  spare: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Rows drawn beyond `number`: one where the item itself may be among them, and where the harness takes it for that (its task has neither a test split nor a few-shot split).',
    ),
  separator: z.string().default('\n\n').describe('After every example.'),
  same: text.optional().describe("Column in which examples must have the item's value."),
  target: text.optional().describe('Target of an example, where it differs from that of an item.'),
})

const Step = section({
  regex: regex.describe(
    "A regular expression of Python's re: its matches in the answer; the first group that is not empty, or the whole, without space around it.",
  ),
  take: z.int().default(0).describe('Which match: from 0, or from the end when negative.'),
  fallback: z.string().default('[invalid]').describe('Where there is none.'),
})

const Ignore = section({
  case: z.boolean().optional().describe('Upper and lower case.'),
  punctuation: z.boolean().optional().describe('ASCII punctuation.'),
  regexes: z.array(regex).optional().describe('What these match, one after the other.'),
})

const SelfCorrection = section({
  confirmed: text.describe('Text by which the model confirms its answer.'),
  rejected: text.describe('Text by which it rejects its answer; the correction follows.'),
  first: text
    .optional()
    .describe(
      'Template of a first answer with which the prompt ends: the model judges that one, and gives the final answer only.',
    ),
})

const shape = {
  name: z
    .string()
    .regex(/^[\w.-]+$/, 'must be made of letters, digits, _ . and -')
    .describe('Name in rows and tables.'),
  version: z.int().min(1).describe('Raised when a change changes scores; part of what identifies a run.'),
  description: text.describe('One line for `deltalab tasks`.'),
  follows: text.optional().describe('What the card agrees with, and where it does not.'),
  kind: z
    .enum(['generate', 'choices', 'classify', 'images', 'rank', 'text'])
    .default('generate')
    .describe(
      'Generated text; the choice of the highest log-likelihood; a class or value from the head of an encoder; the class of an image; the rank of the right choice in the blank `___` of a text, by the head of an encoder; the tokens of a text (`target`).',
    ),
  data: z
    .union([text, Hub])
    .describe(
      'File relative to the card (JSONL, JSON, CSV, Parquet; a folder with a folder of images for each class, or a JSONL file of `image`, `crop` and `label`), or a data set of the hub.',
    ),
  prepare: text.optional().describe('What the rows need before a template is filled, by name.'),
  id: text.optional().describe('Column of the ids; without it `id`, and without that the number of the line.'),
  preamble: z
    .string()
    .default('')
    .describe(
      'Jinja template over the columns, as all that follow: before examples and prompt. The system message of a chat.',
    ),
  prompt: text.default('{{prompt}}').describe('What is asked.'),
  target: z
    .string()
    .default('{{target}}')
    .describe('What should be answered; empty where there is no reference answer.'),
  delimiter: z
    .string()
    .optional()
    .describe('Between prompt and answer: a space before choices, else nothing, unless given; nothing in a chat.'),
  choices: names
    .optional()
    .describe('Texts to choose from: templates, or the column (or column.part) that holds the list.'),
  prompts: text.optional().describe('Column with one prompt per choice, where they differ.'),
  right: text
    .optional()
    .describe(
      'The right choice: its index, its text, or its name in the list `labels`; or the column of a list of 0 and 1.',
    ),
  others: text
    .optional()
    .describe(
      'Column with a list of other choices that are right too, which `rank` leaves out (the filtered setting).',
    ),
  labels: text.optional().describe('Column of the names of the choices.'),
  classes: z
    .array(text)
    .min(1)
    .optional()
    .describe(
      "Names of the classes of images: of a data file's labels, or of the folders in alphabetical order (their own names unless given).",
    ),
  templates: z
    .array(text)
    .min(1)
    .optional()
    .describe(
      'Jinja templates over `class`: how a zero-shot model is asked for a class; "a photo of a …." unless given.',
    ),
  pair: text.optional().describe('Second text, for encoders.'),
  label: text
    .optional()
    .describe(
      'Number of the right class, or the value; of `rank` the class by whose likelihood the choices are ranked.',
    ),
  metric: names.describe("Metrics of `deltalab tasks`; the first is the task's score."),
  max_new_tokens: z.int().min(1).max(4096).optional().describe('Longest answer generated, in tokens.'),
  stop: z.array(text).optional().describe('Texts that end an answer, and are not part of it.'),
  filters: z
    .record(z.string(), z.array(Step).min(1))
    .optional()
    .describe("Ways to take the answer out of the text, each a list of steps; the score of the first is the task's."),
  self_correction: SelfCorrection.optional().describe(
    'The answer holds a judgement of itself, and a correction where it is rejected: scores before and after.',
  ),
  ignore: Ignore.optional().describe('What exact_match does not look at.'),
  length: z
    .int()
    .min(2)
    .optional()
    .describe('Of `text`: tokens of a window; the positions of the model, at most 1024, unless given.'),
  stride: z
    .int()
    .min(1)
    .optional()
    .describe('Of `text`: tokens between the beginnings of two windows; `length` unless given.'),
  rolling: z
    .literal(true)
    .optional()
    .describe(
      'Of `text`: windows as those of `loglikelihood_rolling` of lm-evaluation-harness, which score every token.',
    ),
  counted: text
    .optional()
    .describe(
      'Of `text`: template of the text whose words and bytes are counted, where it is another than the target.',
    ),
  fewshot: FewShot.optional().describe('Examples before the prompts.'),
}
export const CardFile = section(shape)
/** The entries of a card. */
export type CardEntries = z.infer<typeof CardFile>

/** A card that was read and checked: what a task is, without its data. */
export interface Card extends Omit<CardEntries, 'metric' | 'delimiter'> {
  /** What errors call the card: the path of its file, or `task NAME`. */
  origin: string
  /** Folder that the paths of the card are relative to. */
  folder: string
  /** Names of the metrics; the first gives the score. */
  metrics: readonly [string, ...string[]]
  /** Between prompt and answer. */
  delimiter: string
  /** The data, where the card does not name files. */
  rows?(options?: ResolveOptions): Promise<PlacedRow[]>
  /** Metrics that the task brings with it, by name. */
  ownMetrics?: {
    /** For generated answers. */
    generate?: Readonly<Record<string, AnswerMetric>>
    /** For choices. */
    choices?: Readonly<Record<string, ChoiceMetric>>
  }
  /** Runs work on the card: an error that carries the path of an entry gets the place of the entry. */
  locate<W>(work: () => W): W
}

/** Entries that are Jinja templates over the columns. */
export const TEMPLATE_ENTRIES = ['preamble', 'prompt', 'target', 'right', 'pair', 'label', 'counted'] as const

/** An entry that cards of this kind must have. @throws UserError without it, with its path */
export function requiredEntry<K extends keyof Card>(card: Card, key: K): NonNullable<Card[K]> {
  const value = card[key]
  if (value === undefined || value === null)
    throw new UserError(`a card of the kind ${card.kind} needs it`, { path: [key] })
  return value
}
