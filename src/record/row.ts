// One finished run of a sweep: the columns of runs.csv, each with one sentence. Everything in report is made from these.
import { z } from 'zod'
import { markdownTable } from '../schema/index.js'
import { RULES } from './words.js'

const word = z.string().min(1)
const count = z.number().int().nonnegative()
const value = z.number()
const rate = z.number().min(0).max(1)
const scores = z.record(z.string(), value)

/** Columns in the order of runs.csv. `null` is an empty cell: not applicable, or not requested. */
export const rowSchema = z.strictObject({
  id: word.describe(
    'Hash of everything that determines the run. The same run has the same id in every results folder.',
  ),
  experiment: word.describe('Name of the experiment: `name` in its YAML file.'),
  model: word.describe('Name of the pair of base and post-trained model.'),
  task: word.describe('Task on whose items losses and scores are measured.'),
  editor: word
    .nullable()
    .describe(
      'Editor of the delta; the editors of a chain are joined by "+". For a merge: the editor of each delta before it is merged, if any.',
    ),
  merger: word.nullable().describe('Merger that combined the deltas. Empty when one delta is edited.'),
  merged: word.nullable().describe('Names of the fine-tunes that were merged, joined by "+".'),
  label: word.describe(
    'Name of the series in tables and figures: editor and merger unless the YAML file gives a label.',
  ),
  on: z
    .enum(['delta', 'weights'])
    .describe('What was edited: the delta (post-trained − base) or the post-trained weights.'),
  options: z
    .record(z.string(), z.unknown())
    .describe(
      'All options of the editor or merger, as JSON. For a chain, and for edits before a merge, `steps` lists each editor with its options.',
    ),
  drop_rate: rate.nullable().describe('Fraction of the delta entries that the editor drops.'),
  rank: value.nullable().describe('Rank that a low-rank editor keeps.'),
  bits: value.nullable().describe('Bits per delta entry that a quantising editor keeps (sign and magnitude).'),
  alpha: value.nullable().describe('Extrapolation coefficient. A negative one interpolates towards the base.'),
  k: value.nullable().describe('Factor by which dropped entries are multiplied (0 in DARE).'),
  seed: count.nullable().describe('Random seed. Empty when nothing is random.'),
  selection: word.describe('Patterns of the tensors that are edited; after "!", patterns of those left out.'),
  tensors: count.nullable().describe('Number of edited tensors.'),
  parameters: count.nullable().describe('Number of entries of the edited tensors.'),
  kept: count
    .nullable()
    .describe(
      'Number of non-zero entries of the edited delta in the edited tensors. This, `edit_norm` and the estimates of `loss_change` are empty when routed gates give every item its own weights.',
    ),
  bits_per_parameter: value
    .nullable()
    .describe(
      'Estimated bits needed to store the edited delta, per entry of the edited tensors. A kept value takes 16 bits. Empty for a merge.',
    ),
  delta_norm: value.nullable().describe('Euclidean norm of the delta over the edited tensors.'),
  edit_norm: value
    .nullable()
    .describe(
      'Euclidean norm of the change F(Δ) − Δ over the edited tensors, where F(Δ) is the edited (or merged) delta.',
    ),
  dominant: scores
    .nullable()
    .describe(
      'Tensors that dominate the delta, as JSON: each edited tensor that holds more than a tenth of the squared norm of the delta, with its share. Empty in rows of older versions, and with routed gates.',
    ),
  delta_norm_rest: value.nullable().describe('Norm of the delta (`delta_norm`) without the tensors of `dominant`.'),
  edit_norm_rest: value.nullable().describe('Norm of the change (`edit_norm`) without the tensors of `dominant`.'),
  loss_kind: z
    .enum(['kl'])
    .nullable()
    .describe(
      'Says `kl` where the losses are divergences: KL(post ‖ model) in nats per position, 0 of the post-trained model. Empty where they are losses on the labels of the task.',
    ),
  loss_pre: value
    .nullable()
    .describe(
      'Loss of the base model, in nats per token. For classifiers, this and every other loss is per item; for models that predict a value it is a squared error.',
    ),
  loss_post: value
    .nullable()
    .describe(
      'Loss of the post-trained model, in nats per token. For a merge: the fine-tune that the task belongs to.',
    ),
  loss_edited: value.nullable().describe('Loss of the edited model, in nats per token.'),
  loss_change: value.nullable().describe('Exact loss change, loss_edited − loss_post, in nats per token.'),
  loss_change_se: value.nullable().describe('Standard error of loss_change, paired over items.'),
  loss_items: count.nullable().describe('Number of items that losses are measured on.'),
  loss_tokens: count.nullable().describe('Number of answer tokens that losses are averaged over.'),
  riemann_rule: z.enum(RULES).nullable().describe('Quadrature rule of riemann_sum.'),
  riemann_steps: count
    .nullable()
    .describe('Number of intervals along the path, or of Gauss nodes (C in arXiv 2410.13841).'),
  riemann_sum: value.nullable().describe('Riemann-sum approximation of loss_change, in nats per token.'),
  taylor1: value
    .nullable()
    .describe(
      'First-order estimate of loss_change: the inner product of the change with the gradient at the post-trained weights.',
    ),
  taylor2: value
    .nullable()
    .describe('Second-order estimate of loss_change; its second-order term is an exact Hessian-vector product.'),
  class: z
    .enum(['competitive', 'decreased', 'improved'])
    .nullable()
    .describe(
      'Class of the edit: competitive if loss_change is within two standard errors of 0; otherwise decreased if the loss rose, improved if it fell. Of a divergence: competitive if loss_change × loss_tokens is at most 8 nats, otherwise decreased.',
    ),
  metric: z.string().nullable().describe('Metric of the scores.'),
  score_pre: value
    .nullable()
    .describe('Score of the base model, in the unit of the metric: a share from 0 to 1 for most.'),
  score_post: value.nullable().describe('Score of the post-trained model.'),
  score_edited: value.nullable().describe('Score of the edited model.'),
  score_validation: value
    .nullable()
    .describe('Score of the edited model on the validation items. Used to choose options.'),
  others_pre: scores.nullable().describe('Further scores of the base model by name, as JSON: see `others_edited`.'),
  others_post: scores
    .nullable()
    .describe('Further scores of the post-trained model by name, as JSON: see `others_edited`.'),
  others_edited: scores
    .nullable()
    .describe(
      'Further scores of the edited model by name, as JSON: of further metrics and filters of the task, and of self-correction. Tables and figures call one `others_edited.NAME`. Empty where the task has one score.',
    ),
  n: count.nullable().describe('Number of items that scores are averaged over.'),
  router_accuracy: rate
    .nullable()
    .describe(
      'Fraction of the measured items for which the router gives the highest gate to the fine-tune that the task belongs to. Empty without a router.',
    ),
  warnings: z
    .string()
    .nullable()
    .describe(
      'Cases in which the editor or merger degenerated (nothing kept, many ties, a linear branch): each kind once, with one tensor and the number of other tensors.',
    ),
  seconds: value
    .nullable()
    .describe('Wall-clock time of the run: the only column that differs when a sweep is repeated.'),
  backend: z.string().nullable().describe('TensorFlow.js backend of the run.'),
  status: z.enum(['ok', 'failed']).describe('Whether the run finished.'),
  error: z.string().nullable().describe('Why the run failed, on one line.'),
})

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
  tensor: word.describe('Name of the tensor in the checkpoint.'),
  role: z
    .string()
    .describe('Role of the tensor in the model: embedding, attention, mlp, router, norm, head, bias or other.'),
  parameters: count.describe('Number of entries of the tensor.'),
  edit_norm: value.describe('Euclidean norm of the change F(Δ) − Δ of the tensor.'),
  term: value.describe('Contribution of the tensor to riemann_sum, in nats per token.'),
  delta_norm: value.nullable().describe('Euclidean norm of the delta of the tensor. Empty in terms of older versions.'),
})

/** Contribution of one tensor to the Riemann sum of one run: a line of terms.csv. */
export interface Term extends z.infer<typeof termSchema> {}

/** Both tables of a results folder as Markdown: docs/results.md. */
export function describeRecords(): string {
  const table = (name: string, shape: Record<string, z.ZodType>) => {
    const rows = Object.entries(shape).map(([column, schema]) => [`\`${column}\``, schema.description ?? ''])
    return `## \`${name}\`\n\n${markdownTable(['column', 'meaning'], rows)}`
  }
  return `${table('runs.csv', rowSchema.shape)}\n${table('terms.csv', termSchema.shape)}`
}
