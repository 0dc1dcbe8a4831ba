// The card of a task: a YAML file that names the data, the prompt, the metric and a version.
import { isNode, LineCounter, parseDocument, visit } from 'yaml'
import { z } from 'zod'
import { UserError, unknown } from '../../errors/index.js'
import { Float } from '../../jinja/index.js'
import { firstIssue, readText, sayIssue, section, valuesOf } from '../../schema/index.js'
import { compileRegex } from '../scoring/filters.js'
import { metricsFor } from '../scoring/metrics.js'
import { PREPARATIONS } from './prepare.js'
import { compileTemplate } from './template.js'

const text = z.string().min(1)
const names = z.union([text, z.array(text).min(1)])

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
  regex: text
    .refine(isRegex, 'is not a regular expression')
    .describe('Its matches in the answer; the first group that is not empty, or the whole.'),
  take: z.int().default(0).describe('Which match: from 0, or from the end when negative.'),
  fallback: z.string().default('[invalid]').describe('Where there is none.'),
})

const Ignore = section({
  case: z.boolean().optional().describe('Upper and lower case.'),
  punctuation: z.boolean().optional().describe('ASCII punctuation.'),
  regexes: z.array(text.refine(isRegex)).optional().describe('What these match, one after the other.'),
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
    .enum(['generate', 'choices', 'classify', 'images'])
    .default('generate')
    .describe(
      'Generated text; the choice of the highest log-likelihood; a class or value from the head of an encoder; the class of an image.',
    ),
  data: z
    .union([text, Hub])
    .describe(
      'File relative to the card (JSONL, CSV, Parquet; a folder with a folder of images for each class, or a JSONL file of `image`, `crop` and `label`), or a data set of the hub.',
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
  label: text.optional().describe('Number of the right class, or the value.'),
  metric: names.describe("Metrics of `deltalab tasks`; the first is the task's score."),
  max_new_tokens: z.int().min(1).max(4096).optional().describe('Longest answer generated, in tokens.'),
  stop: z.array(text).optional().describe('Texts that end an answer, and are not part of it.'),
  filters: z
    .record(z.string(), z.array(Step).min(1))
    .optional()
    .describe("Ways to take the answer out of the text, each a list of steps; the score of the first is the task's."),
  ignore: Ignore.optional().describe('What exact_match does not look at.'),
  fewshot: FewShot.optional().describe('Examples before the prompts.'),
}
export const Card = section(shape)
export type Card = Omit<z.infer<typeof Card>, 'metric'> & {
  path: string
  metrics: string[]
  errorAt(key: string, message: string): UserError
}
export type HubData = z.infer<typeof Hub>

function isRegex(source: string): boolean {
  try {
    compileRegex(source)
    return true
  } catch {
    return false
  }
}

const TEMPLATES = ['preamble', 'prompt', 'target', 'right', 'pair', 'label'] as const

/** Reads and checks a card. UserError with path and line for YAML errors, missing, unknown or wrong entries, and templates. */
export function readCard(path: string): Card {
  const lines = new LineCounter()
  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: false })
  const at = (offset: number | undefined) => `${path}:${offset === undefined ? 1 : lines.linePos(offset).line}`
  const [broken] = document.errors
  if (broken) throw new UserError(`${at(broken.pos[0])}: ${broken.message}`)

  // What YAML writes as 2.0 is a float in the texts that it stands in.
  const samples = document.getIn(['fewshot', 'samples'], true)
  if (isNode(samples))
    visit(samples, {
      Scalar: (_, node) =>
        void (
          typeof node.value === 'number' &&
          /[.eE]/.test(node.source ?? '') &&
          Number.isInteger(node.value) &&
          (node.value = new Float(node.value))
        ),
    })

  const lineOf = (keys: readonly PropertyKey[]) => {
    const node = keys.length ? document.getIn(keys, true) : null
    return at(isNode(node) ? node.range?.[0] : undefined)
  }
  const errorAt = (key: string, message: string) => new UserError(`${lineOf([key])}: ${message}`)
  const parsed = Card.safeParse(
    within(
      () => valuesOf(document),
      (message) => new UserError(`${at(undefined)}: ${message}`),
      ReferenceError,
    ),
    { error: sayIssue },
  )
  if (!parsed.success) {
    const { path: keys, message } = firstIssue(parsed.error.issues)
    throw new UserError(`${lineOf(keys)}: ${keys.length ? `${keys.join('.')}: ` : ''}${message}`)
  }
  const { metric, ...card } = parsed.data
  const metrics = [metric].flat()
  const known = metricsFor(card.kind)
  const wrong = metrics.find((name) => !known.includes(name))
  if (wrong !== undefined) throw errorAt('metric', unknown('metric', wrong, known).message)
  if (card.prepare !== undefined && !Object.hasOwn(PREPARATIONS, card.prepare)) {
    throw errorAt('prepare', unknown('preparation', card.prepare, Object.keys(PREPARATIONS)).message)
  }
  const needed = { generate: ['max_new_tokens'], choices: ['choices', 'right'], classify: ['label'], images: [] }[
    card.kind
  ]
  const missing = needed.find((key) => card[key as keyof typeof card] === undefined)
  if (missing) throw new UserError(`${at(undefined)}: ${missing}: a card of the kind ${card.kind} needs it`)
  for (const key of TEMPLATES) {
    const template = card[key]
    if (template !== undefined)
      within(
        () => compileTemplate(template),
        (message) => errorAt(key, `${key}: ${message}`),
      )
  }
  return { ...card, path, metrics, errorAt }
}

/** Runs what may throw an error without a place, and gives it one. */
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
