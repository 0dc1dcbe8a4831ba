// One finished run of a sweep: the columns of runs.csv, each with one sentence. Everything in report is made from these.
import { z } from 'zod'

const word = z.string().min(1)
const count = z.number().int().nonnegative()
const value = z.number()
const rate = z.number().min(0).max(1)

/** Columns in the order of runs.csv. `null` is an empty cell: not applicable, or not asked for. */
export const rowSchema = z.strictObject({
  id: word.describe(
    'Hash of everything that determines the run; the same run has the same id in every results folder.',
  ),
  experiment: word.describe('Name of the experiment, the `name` of its YAML.'),
  model: word.describe('Name of the pair of base and post-trained model.'),
  task: word.describe('Task whose items give the loss and the scores.'),
  editor: word
    .nullable()
    .describe(
      'Editor that made the edit; a chain is its editors joined by "+". Of a merge: the edit of each delta before, if any.',
    ),
  merger: word.nullable().describe('Merger that combined the deltas; empty for an edit of one delta.'),
  merged: word.nullable().describe('Fine-tunes that were merged, joined by "+".'),
  label: word.describe('Name of the series in tables and figures; editor and merger unless the YAML gives one.'),
  on: z
    .enum(['delta', 'weights'])
    .describe('What the editor edited: the delta (post − base) or the post-trained weights themselves.'),
  options: z
    .record(z.string(), z.unknown())
    .describe(
      'Every option of the editor or merger as JSON; a chain, and an edit before a merge, are lists of `steps`.',
    ),
  drop_rate: rate.nullable().describe('Share of the delta entries that the editor drops.'),
  rank: value.nullable().describe('Rank kept by a low-rank editor.'),
  bits: value.nullable().describe('Bits (sign and magnitude blocks) per delta entry of a quantising editor.'),
  alpha: value.nullable().describe('Extrapolation coefficient; negative interpolates towards the base.'),
  k: value.nullable().describe('Factor given to the dropped entries (0 in DARE).'),
  seed: count.nullable().describe('Seed of the random key; empty for an editor that draws nothing.'),
  selection: word.describe('Patterns of the tensors edited: those included, then those excluded after "!".'),
  tensors: count.nullable().describe('Number of tensors edited.'),
  parameters: count.nullable().describe('Number of entries in the edited tensors.'),
  kept: count
    .nullable()
    .describe(
      'Number of non-zero entries in the edited delta of these tensors; this, edit_norm and the estimates of loss_change are empty where routed gates give every item weights of its own.',
    ),
  bits_per_parameter: value
    .nullable()
    .describe(
      'Estimate of the bits to store the edited delta, per entry of the edited tensors, where a value that is kept takes 16; empty for a merge.',
    ),
  delta_norm: value.nullable().describe('Euclidean norm of the delta over the edited tensors.'),
  edit_norm: value
    .nullable()
    .describe('Euclidean norm of the change F(Δ) − Δ over the edited tensors; F(Δ) of a merge is the merged delta.'),
  loss_pre: value
    .nullable()
    .describe(
      'Loss of the base model, nats per token; as all losses per item where the model classifies, and a squared error where it gives values.',
    ),
  loss_post: value
    .nullable()
    .describe('Loss of the post-trained model (of a merge: the fine-tune whose task it is), nats per token.'),
  loss_edited: value.nullable().describe('Loss of the edited model, nats per token.'),
  loss_change: value.nullable().describe('Exact loss change, loss_edited − loss_post, nats per token.'),
  loss_change_se: value.nullable().describe('Standard error of loss_change over the items, paired.'),
  loss_items: count.nullable().describe('Number of items the losses are measured on.'),
  loss_tokens: count.nullable().describe('Number of answer tokens the losses are the mean of.'),
  riemann_rule: z.string().nullable().describe('Quadrature rule of riemann_sum.'),
  riemann_steps: count
    .nullable()
    .describe('Number of intervals along the path, or of Gauss nodes (C in arXiv 2410.13841).'),
  riemann_sum: value.nullable().describe('Riemann-sum approximation of loss_change, nats per token.'),
  taylor1: value
    .nullable()
    .describe('First-order estimate of loss_change: gradient at the post-trained weights times the change.'),
  taylor2: value.nullable().describe('Second-order estimate of loss_change, with an exact Hessian-vector product.'),
  class: z
    .enum(['competitive', 'decreased', 'improved'])
    .nullable()
    .describe(
      'Class of the edit: competitive where loss_change is within two standard errors of 0, decreased above, improved below.',
    ),
  metric: z.string().nullable().describe('What the scores measure.'),
  score_pre: value.nullable().describe('Score of the base model, 0 to 1.'),
  score_post: value.nullable().describe('Score of the post-trained model, 0 to 1.'),
  score_edited: value.nullable().describe('Score of the edited model, 0 to 1.'),
  score_validation: value
    .nullable()
    .describe('Score of the edited model on the validation items, 0 to 1: what options are chosen by.'),
  n: count.nullable().describe('Number of items the scores are the mean of.'),
  router_accuracy: rate
    .nullable()
    .describe(
      'Share of the measured items whose highest gate is that of the fine-tune whose task it is; only where a router gives the gates.',
    ),
  warnings: z
    .string()
    .nullable()
    .describe(
      'Where the editor or merger degenerated (nothing kept, many ties, a linear branch): each kind of it once, with a tensor and the number of others.',
    ),
  seconds: value.nullable().describe('Wall time of the run, the only column that differs when a sweep is repeated.'),
  backend: z.string().nullable().describe('TensorFlow.js backend that computed the run.'),
  status: z.enum(['ok', 'failed']).describe('Whether the run finished.'),
  error: z.string().nullable().describe('Why a failed run failed, on one line.'),
})

/** One finished run of a sweep: a line of runs.csv. */
/** One run, finished or failed: a line of runs.csv. */
export interface Row extends z.infer<typeof rowSchema> {}
/** Name of a column of runs.csv. */
export type Column = keyof Row

/** Column names in the order of runs.csv. */
export const COLUMNS = Object.keys(rowSchema.shape) as Column[]

/** The one sentence about a column. */
export function describeColumn(column: Column): string {
  return rowSchema.shape[column].description!
}

/** Contribution of one tensor to the Riemann sum of one run: a line of terms.csv. */
export const termSchema = z.strictObject({
  run: word.describe('Id of the run in runs.csv.'),
  tensor: word.describe('Checkpoint name of the tensor.'),
  role: z
    .string()
    .describe('Role of the tensor in the model: embedding, attention, mlp, router, norm, head, bias, other.'),
  parameters: count.describe('Number of entries of the tensor.'),
  edit_norm: value.describe('Euclidean norm of the change F(Δ) − Δ of the tensor.'),
  term: value.describe('Contribution to riemann_sum, nats per token.'),
})

/** One tensor's part in the Riemann sum of one run: a line of terms.csv. */
/** Contribution of one tensor to the Riemann sum of one run: a line of terms.csv. */
export interface Term extends z.infer<typeof termSchema> {}
export const TERM_COLUMNS = Object.keys(termSchema.shape) as (keyof Term)[]

/** Both tables of a results folder as Markdown: docs/results.md. */
export function describeRecords(): string {
  const table = (name: string, shape: Record<string, z.ZodType>) =>
    `## \`${name}\`\n\n| column | |\n|---|---|\n${Object.entries(shape)
      .map(([column, schema]) => `| \`${column}\` | ${schema.description} |`)
      .join('\n')}\n`
  return `${table('runs.csv', rowSchema.shape)}\n${table('terms.csv', termSchema.shape)}`
}

type Value = string | number | boolean | null

/**
 * The options of a row by the names that tables and figures know. Those of a chain carry the name of their editor
 * (`bitdelta.multiplier`, of a second one `bitdelta2.multiplier`), because editors share names; a list or a value per model is text.
 */
export function namedOptions({ steps, ...options }: Row['options']): Record<string, Value> {
  const count: Record<string, number> = {}
  const chained = ((steps ?? []) as Row['options'][]).flatMap(({ editor, ...own }) => {
    count[String(editor)] = (count[String(editor)] ?? 0) + 1
    const name = `${editor}${count[String(editor)]! > 1 ? count[String(editor)] : ''}`
    return Object.entries(own).map(([option, value]) => [`${name}.${option}`, value] as const)
  })
  return Object.fromEntries([...Object.entries(options), ...chained].map(([name, value]) => [name, plain(value)]))
}

const plain = (value: unknown): Value =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : ((value ?? null) as Value)

/** A column of the row, or else the option of that name (`multiplier`, `blocks`, …); null where there is neither. */
export function readValue(row: Row, name: string): Value {
  return name in row ? plain(row[name as Column]) : (namedOptions(row.options)[name] ?? null)
}
