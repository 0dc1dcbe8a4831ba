// The shape of an experiment's YAML file; docs/config.md is made from the sentences here.
import { z } from 'zod'
import { CONVENTIONS } from '../mergers/merger.js'
import { viewSchema } from '../record/index.js'
import { section } from '../schema/index.js'

const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, dots, dashes and underscores')
const line = z
  .string()
  .min(1)
  .regex(/^[^\r\n]*$/, 'must be one line')
const patterns = z.array(line)
const items = z.number().int().min(1)

/** As in src/loss, which imports TensorFlow.js; passing a rule on to it checks the words. */
const RULES = ['left', 'right', 'midpoint', 'trapezoid', 'simpson', 'gauss'] as const

const selection = section({
  include: patterns
    .default([])
    .describe(
      'Tensors to edit: names with `*`, `role:<role>`, or `linear` (the matrices of all layers: no embedding, router, norm or head); all unless given.',
    ),
  exclude: patterns.default([]).describe('Tensors to leave out of those.'),
})

const model = section({
  name: word.describe(
    'Name of the model in rows and tables; entries may share it (the skills of one model) where their tasks differ.',
  ),
  base: line.describe(
    'Folder of the base (pre-trained) checkpoint, relative to the YAML file; or org/name[@revision] of the hub.',
  ),
  post: line.describe(
    'Folder of the post-trained checkpoint, or of a LoRA adapter of the base, relative to the YAML file; or org/name[@revision] of the hub.',
  ),
  head: patterns
    .optional()
    .describe(
      'Tensors that belong to the task (names with `*`, e.g. a classifier): those of `post` stand in the base too, and none of them is edited.',
    ),
  chat: z
    .union([
      z.literal(true),
      section({ system: z.string().min(1).optional().describe('Instruction that stands in the system message.') }),
    ])
    .optional()
    .describe('Prompts go through the chat template of `post`, those of the base too.'),
  tasks: z
    .array(line)
    .min(1)
    .describe(
      'Tasks: names of `deltalab tasks` (name:5 for five examples), or task files (card .yaml, items .jsonl) relative to the YAML file.',
    ),
})

/** Keys of an editor entry that are not options of the editor. */
export const ENTRY_KEYS = ['editor', 'chain', 'label', 'on', 'tensors'] as const

/** Keys of a merge entry that are not options of the merger. */
export const MERGE_KEYS = ['merger', 'posts', 'edit', 'tasks', 'label'] as const

const place = z.enum(['delta', 'weights'])
const step = z.looseObject({ editor: z.string() })
const entry = z.looseObject({
  editor: z
    .string()
    .optional()
    .describe('Name of `deltalab editors`; its options follow as keys, each a value or a list of values.'),
  chain: z.array(step).min(1).optional().describe('Editors applied one after the other, in place of `editor`.'),
  label: line.optional().describe('Name of the series in tables and figures; the editor unless given.'),
  on: place.optional().describe("Overrides the experiment's `on`."),
  tensors: selection.optional().describe("Overrides the experiment's `tensors`."),
})

const names = z.array(line).min(1)
const convention = z.enum(CONVENTIONS)
const merge = z.looseObject({
  merger: z
    .string()
    .describe(
      'Name of `deltalab mergers`; its options follow as keys, each a value, a list of values, or a section with a value for each post.',
    ),
  posts: z
    .union([names, z.array(names).min(1)])
    .describe(
      'Fine-tunes of one base, called by the last part of their `post` (folder or name on the hub); a list of such lists is a merge of each.',
    ),
  edit: z
    .looseObject({ editor: entry.shape.editor, chain: entry.shape.chain })
    .optional()
    .describe('Edit of every delta before it is merged: an editor with its options, or a chain.'),
  convention: z
    .union([convention, z.array(convention).min(1)])
    .optional()
    .describe('Whose definition of the merger: that of the paper, or what a tool computes under the same name.'),
  tasks: z
    .union([z.literal('own'), z.array(line).min(1)])
    .optional()
    .describe(
      'Tasks the merged model is measured on, or `own`, those of its posts; all that the models of its base list unless given.',
    ),
  label: line.optional().describe('Name of the series in tables and figures; edit and merger unless given.'),
})

const data = section({
  items: items
    .default(128)
    .describe("Number of items of each fine-tune's tasks, from the last; none of them may be measured on."),
})

const score = section({
  items: items.default(512).describe('Number of held-out items scored, from the first.'),
  validation: items
    .optional()
    .describe(
      'Number of items behind these (and those of `loss`) that edited models are scored on too, to choose options by (`select`); none unless given.',
    ),
})

const loss = section({
  items: items.default(128).describe('Number of items the losses are measured on, from the first.'),
  riemann: z.boolean().default(true).describe('Riemann sum of the loss change.'),
  rule: z.enum(RULES).default('left').describe("Quadrature rule; left is the paper's."),
  steps: z.number().int().min(1).default(5).describe('Intervals along the path, or nodes of gauss (C in the paper).'),
  taylor2: z.boolean().default(false).describe('First- and second-order Taylor estimates.'),
  terms: z.boolean().default(true).describe('Per-tensor terms of the Riemann sum in terms.csv.'),
})

export const experimentSchema = section({
  name: word.describe('Name of the experiment and of its results folder.'),
  title: line.optional().describe('Title of tables and figures.'),
  models: z.array(model).min(1).describe('Pairs of base and post-trained model.'),
  editors: z
    .array(entry)
    .default([])
    .describe('Edits; an entry with lists stands for every combination of their values.'),
  merges: z
    .array(merge)
    .default([])
    .describe(
      'Merges of fine-tunes, of all their tensors; an entry with lists stands for every combination of their values.',
    ),
  seeds: z
    .union([z.number().int().min(1).max(10_000), z.array(z.number().int().nonnegative()).min(1)])
    .default(1)
    .describe('Number of seeds (1, 2, …) or the seeds themselves; only edits that draw at random use them.'),
  on: place.default('delta').describe('What is edited: the delta, or the post-trained weights.'),
  tensors: selection.prefault({}).describe('Which tensors are edited.'),
  score: z
    .union([z.literal(false), score])
    .prefault({})
    .describe('Scores of base, post-trained and edited model; false for none.'),
  data: data.prefault({}).describe('What mergers are given that need data (fisher, regmean, twin with routed gates).'),
  loss: z
    .union([z.literal(false), loss])
    .prefault({})
    .describe('Losses and their approximations; false for none.'),
  report: z
    .union([viewSchema, z.array(viewSchema)])
    .prefault({})
    .describe('Figures made from the rows.'),
})

export type Score = z.infer<typeof score>
export type LossSettings = z.infer<typeof loss>
export type ParsedExperiment = z.infer<typeof experimentSchema>
