// The card of a task: a YAML file that names the data, the prompt, the metric and a version.
import { LineCounter, isNode, parseDocument } from 'yaml'
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import { compileRegex } from './filters.js'
import { metricsFor } from './metrics.js'
import { PREPARATIONS } from './prepare.js'
import { compileTemplate } from './template.js'
import { readText } from './text.js'

const text = z.string().min(1)
const names = z.union([text, z.array(text).min(1)])

/** A data set of the hub. */
const Hub = z.strictObject({
  hub: text.regex(/^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/, 'must be org/name or org/name@revision'),
  config: names.optional(),
  split: text,
  /** Path or pattern with * of the files, where the layout is not one of the hub's. */
  files: text.optional(),
})

const FewShot = z.strictObject({
  number: z.int().min(0).default(0),
  /** Where the examples are drawn from: a file, or another split of the data set; `samples` are written down in the card. */
  file: text.optional(),
  split: text.optional(),
  samples: z.array(z.record(z.string(), z.unknown())).optional(),
  /** `first`: the same for all; `random`: drawn for one item after the other as lm-evaluation-harness does, from `seed`. */
  sampling: z.enum(['first', 'random']).default('first'),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1234),
  /** Examples drawn beyond `number`: one, where examples may come from the data itself (and where the harness takes it for that). */
  spare: z.int().min(0).default(0),
  separator: z.string().default('\n\n'),
  /** Only examples with the item's value in this column. */
  same: text.optional(),
  /** Target of an example, where it differs from that of an item. */
  target: text.optional(),
})

const Step = z.strictObject({
  regex: text.refine(isRegex, 'is not a regular expression'),
  take: z.int().default(0),
  fallback: z.string().default('[invalid]'),
})

const shape = {
  name: z.string().regex(/^[\w.-]+$/, 'must be made of letters, digits, _ . and -'),
  version: z.int().min(1),
  description: text,
  /** What the card agrees with, and where it does not. */
  follows: text.optional(),
  kind: z.enum(['generate', 'choices', 'classify', 'images']).default('generate'),
  /** File relative to the card (JSONL, CSV, Parquet; a folder of images, or a JSONL file of {image, crop, label}), or a data set of the hub. */
  data: z.union([text, Hub]),
  /** Name of a preparation of the rows. */
  prepare: text.optional(),
  /** Column of the ids; without it `id`, and without that the number of the line. */
  id: text.optional(),
  /** Jinja templates over the columns. */
  preamble: z.string().default(''),
  prompt: text.default('{{prompt}}'),
  target: z.string().default('{{target}}'),
  delimiter: z.string().optional(),
  /** Texts to choose from: templates, or the column (or column.part) that holds the list. */
  choices: names.optional(),
  /** Column with one prompt per choice, where they differ. */
  prompts: text.optional(),
  /** The right choice: its index, its text, or its name in the list `labels`; or the column of a list of 0 and 1. */
  right: text.optional(),
  labels: text.optional(),
  /** Names of the classes of images: of a data file's labels, or of the folders in alphabetical order (their own names unless given). */
  classes: z.array(text).min(1).optional(),
  /** Jinja templates over `class`: how a zero-shot model is asked for a class. */
  templates: z.array(text).min(1).optional(),
  pair: text.optional(),
  label: text.optional(),
  /** Checked against the metrics after parsing, for the nearest name; the first is the task's score. */
  metric: names,
  /** Longest answer generated, in tokens. */
  max_new_tokens: z.int().min(1).max(4096).optional(),
  stop: z.array(text).optional(),
  filters: z.record(z.string(), z.array(Step).min(1)).optional(),
  ignore: z.strictObject({ case: z.boolean().optional(), punctuation: z.boolean().optional(), regexes: z.array(text.refine(isRegex)).optional() }).optional(),
  fewshot: FewShot.optional(),
}
const Card = z.strictObject(shape)
export type Card = Omit<z.infer<typeof Card>, 'metric'> & { path: string; metrics: string[]; errorAt(key: string, message: string): UserError }
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

  const lineOf = (keys: readonly PropertyKey[]) => {
    const node = keys.length ? document.getIn(keys, true) : null
    return at(isNode(node) ? node.range?.[0] : undefined)
  }
  const errorAt = (key: string, message: string) => new UserError(`${lineOf([key])}: ${message}`)
  const parsed = Card.safeParse(within(() => document.toJS(), (message) => new UserError(`${at(undefined)}: ${message}`), ReferenceError))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    if (issue.code === 'unrecognized_keys') {
      const [key] = issue.keys
      throw new UserError(`${lineOf([...issue.path, key])}: ${unknown('entry', key, Object.keys(shape)).message}`)
    }
    throw new UserError(`${lineOf(issue.path)}: ${issue.path.length ? `${issue.path.join('.')}: ` : ''}${issue.message}`)
  }
  const { metric, ...card } = parsed.data
  const metrics = [metric].flat()
  const known = metricsFor(card.kind)
  const wrong = metrics.find((name) => !known.includes(name))
  if (wrong !== undefined) throw errorAt('metric', unknown('metric', wrong, known).message)
  if (card.prepare !== undefined && !Object.hasOwn(PREPARATIONS, card.prepare)) {
    throw errorAt('prepare', unknown('preparation', card.prepare, Object.keys(PREPARATIONS)).message)
  }
  const needed = { generate: ['max_new_tokens'], choices: ['choices', 'right'], classify: ['label'], images: [] }[card.kind]
  const missing = needed.find((key) => card[key as keyof typeof card] === undefined)
  if (missing) throw new UserError(`${at(undefined)}: ${missing}: a card of the kind ${card.kind} needs it`)
  for (const key of TEMPLATES) {
    const template = card[key]
    if (template !== undefined) within(() => compileTemplate(template), (message) => errorAt(key, `${key}: ${message}`))
  }
  return { ...card, path, metrics, errorAt }
}

/** Runs what may throw an error without a place, and gives it one. */
export function within<T>(work: () => T, place: (message: string) => UserError, kind: new (message: string) => Error = UserError): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof kind ? place(error.message) : error
  }
}
