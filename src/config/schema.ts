// The schema of an experiment's YAML file. docs/config.md is generated from the descriptions.
import { z } from 'zod'
import { CONVENTIONS } from '../mergers/index.js'
import { LOSS_KINDS, type LossKind, MOST_STEPS, RULES, type Rule, viewSchema } from '../record/index.js'
import { section, showValue } from '../schema/index.js'
import { taskSection } from '../tasks/index.js'

const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
  error: ({ input }) => `must be letters, digits, dots, dashes and underscores; got ${showValue(input)}`,
})
const line = z
  .string()
  .min(1)
  .regex(/^[^\r\n]*$/, 'must be one line')
const patterns = z.array(line)
const items = z.number().int().min(1)

const selection = section({
  include: patterns
    .default([])
    .describe(
      'Tensors to edit: names (`*` matches anything), `role:<role>`, or `linear` (the matrices of all layers, without embeddings, routers, norms and heads). Default: all.',
    ),
  exclude: patterns.default([]).describe('Tensors to leave out, in the same notation.'),
})

const model = section({
  name: word.describe(
    'Name of the model in rows and tables. Entries may share a name if their tasks differ (several skills of one model).',
  ),
  base: line.describe(
    'Base (pre-trained) checkpoint: a folder relative to the YAML file, or org/name[@revision] on the hub.',
  ),
  post: line.describe(
    'Post-trained checkpoint, or an adapter or a delta file of the base: a folder relative to the YAML file, or org/name[@revision][:delta file] on the hub.',
  ),
  tokenizer: line
    .optional()
    .describe(
      'Tokenizer, where that of `post` is not meant or not read (GGUF): a folder relative to the YAML file, or org/name[@revision] on the hub.',
    ),
  head: patterns
    .optional()
    .describe(
      'Tensors that belong to the task, such as a classifier (names; `*` matches anything). The base model uses those of `post`, and they are never edited.',
    ),
  ignore_unmatched: z
    .boolean()
    .optional()
    .describe(
      'Leave out tensors that only one of the two has, or that differ in shape, as `head` does. Default: an error.',
    ),
  chat: z
    .union([z.literal(true), section({ system: z.string().min(1).optional().describe('Text of the system message.') })])
    .optional()
    .describe('Put prompts through the chat template of `post`, also for the base model.'),
  tasks: z
    .array(z.union([line, taskSection]))
    .min(1)
    .describe(
      'Tasks: names from `deltalab tasks` (`name:5` adds five examples to each prompt), or task files (card .yaml, items .jsonl) relative to the YAML file. A section is a text, or a task with other metrics.',
    ),
})

/** Keys of an editor entry that are not options of the editor. */
export const ENTRY_KEYS = ['editor', 'chain', 'label', 'on', 'tensors'] as const

/** Keys of a merge entry that are not options of the merger. */
export const MERGE_KEYS = ['merger', 'posts', 'edit', 'tasks', 'label'] as const

const place = z.enum(['delta', 'weights'])
const step = z.looseObject({ editor: z.string() })
/** An entry of `editors`. */
export const entrySchema = z.looseObject({
  editor: z
    .string()
    .optional()
    .describe(
      'Name of an editor (see `deltalab editors`). Its options are further keys, each a value or a list of values.',
    ),
  chain: z.array(step).min(1).optional().describe('Editors that are applied one after the other, instead of `editor`.'),
  label: line.optional().describe('Name of the series in tables and figures. Default: the editor.'),
  on: place.optional().describe("Overrides the experiment's `on`."),
  tensors: selection.optional().describe("Overrides the experiment's `tensors`."),
})

const names = z.array(line).min(1)
const convention = z.enum(CONVENTIONS)
const merge = z.looseObject({
  merger: z
    .string()
    .describe(
      'Name of a merger (see `deltalab mergers`). Its options are further keys, each a value, a list of values, or a section with a value for each post.',
    ),
  posts: z
    .union([names, z.array(names).min(1)])
    .describe(
      'Fine-tunes of one base. Each is named by the last part of its `post` (folder or name on the hub). A list of such lists makes one merge of each.',
    ),
  edit: z
    .looseObject({ editor: entrySchema.shape.editor, chain: entrySchema.shape.chain })
    .optional()
    .describe('Edit of every delta before the merge: an editor with its options, or a chain.'),
  convention: z
    .union([convention, z.array(convention).min(1)])
    .optional()
    .describe('Definition of the merger: that of the paper, or what a tool computes under the same name.'),
  tasks: z
    .union([z.literal('own'), z.array(line).min(1)])
    .optional()
    .describe(
      'Tasks on which the merged model is measured; `own` means the tasks of its posts. Default: all tasks of models with the same base.',
    ),
  label: line.optional().describe('Name of the series in tables and figures. Default: edit and merger.'),
})

const data = section({
  items: items
    .default(128)
    .describe('Number of items per task of each fine-tune, taken from the end. Losses and scores may not use them.'),
})

const score = section({
  items: items.default(512).describe('Number of held-out items that are scored, taken from the start.'),
  validation: items
    .optional()
    .describe(
      'Number of validation items, which follow those of `score` and `loss`. Edited models are scored on them too, so that options can be chosen (`select`). Default: none.',
    ),
})

const loss = section({
  kind: z
    .enum(LOSS_KINDS)
    .default('task')
    .describe(
      '`task`: the loss on the labels of the task. `kl`: the divergence KL(post ‖ model) of the predicted distributions, at the same places ([results.md](results.md#the-loss-as-divergence)). `loss: kl` is this section with its defaults.',
    ),
  items: items.default(128).describe('Number of items on which losses are measured, taken from the start.'),
  riemann: z.boolean().default(true).describe('Compute the Riemann sum of the loss change.'),
  rule: z
    .enum(RULES)
    .optional()
    .describe(
      'Quadrature rule. Default: `left`, the rule of the paper; with `kind: kl`, whose gradient is 0 where the path begins, `gauss`.',
    ),
  steps: z
    .number()
    .int()
    .min(1)
    .max(MOST_STEPS)
    .default(5)
    .describe('Number of intervals along the path, or of nodes for `gauss` (C in the paper).'),
  taylor2: z.boolean().default(false).describe('Compute the first- and second-order Taylor estimates.'),
  terms: z.boolean().default(true).describe('Write the contribution of each tensor to the Riemann sum to terms.csv.'),
})

/** Losses and their approximations. */
export interface LossSettings {
  /** The loss on the labels of the task, or the divergence from post. */
  kind: LossKind
  /** Number of items, from the first. */
  items: number
  /** Whether the Riemann sum is computed. */
  riemann: boolean
  /** Its quadrature rule. */
  rule: Rule
  /** Its intervals, or the nodes of `gauss`. */
  steps: number
  /** Whether the Taylor estimates are computed. */
  taylor2: boolean
  /** Whether the contribution of each tensor is written. */
  terms: boolean
}

/** A kind alone is the section with its defaults, which depend on the kind. */
function settle(given: false | LossKind | z.infer<typeof loss>): false | LossSettings {
  if (!given) return false
  const section = typeof given === 'string' ? loss.parse({ kind: given }) : given
  return { ...section, rule: section.rule ?? (section.kind === 'kl' ? 'gauss' : 'left') }
}

export const experimentSchema = section({
  name: word.describe('Name of the experiment and of its results folder.'),
  title: line.optional().describe('Title of tables and figures.'),
  plugins: z
    .array(line)
    .default([])
    .describe(
      'Modules (TypeScript or JavaScript, relative to the YAML file) that add editors, mergers or tasks. Their code runs.',
    ),
  models: z.array(model).min(1).describe('Pairs of a base and a post-trained model.'),
  editors: z
    .array(entrySchema)
    .default([])
    .describe('Edits. An entry whose options are lists makes one edit of every combination.'),
  merges: z
    .array(merge)
    .default([])
    .describe(
      'Merges of fine-tunes. All tensors are merged. An entry whose options are lists makes one merge of every combination.',
    ),
  seeds: z
    .union([z.number().int().min(1).max(10_000), z.array(z.number().int().nonnegative()).min(1)])
    .default(1)
    .describe('Number of seeds (1, 2, …) or a list of seeds. Only random edits use them.'),
  on: place.default('delta').describe('What is edited: the delta or the post-trained weights.'),
  tensors: selection.prefault({}).describe('Which tensors are edited.'),
  score: z
    .union([z.literal(false), score])
    .prefault({})
    .describe('Scores of the base, post-trained and edited model; false for none.'),
  data: data.prefault({}).describe('Items for mergers that need data (fisher, regmean, and twin with routed gates).'),
  loss: z
    .union([z.literal(false), z.enum(LOSS_KINDS), loss])
    .prefault({})
    .transform(settle)
    .describe('Losses and their approximations; false for none.'),
  report: z
    .union([viewSchema, z.array(viewSchema)])
    .prefault({})
    .describe('Figures that are drawn from the rows.'),
})

export type Score = z.infer<typeof score>
export type ParsedExperiment = z.infer<typeof experimentSchema>
