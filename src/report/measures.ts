// Measures that are no columns of a row but follow from them: the gap to the post-trained score, the relative error of the delta,
// and the divergence from the post-trained model, be it the metric of the scores or a further score.
import { describeMetric } from '../naming/index.js'
import type { Row } from '../record/index.js'

type Measure = (row: Row) => number | null

/** Measures of the divergence from the post-trained model, as the scores of a task name them. */
export const DISTANCES = ['kl', 'cosine', 'same_top', 'perplexity_ratio'] as const
export type Distance = (typeof DISTANCES)[number]

/** Whose scores they are: of the edited model, or of an end of the pair. */
export type Whose = 'edited' | 'post' | 'pre'

/** A divergence among the scores of a row, or its loss where that is one; null where it is not measured. */
export function distanceOf(row: Row, name: Distance, whose: Whose = 'edited'): number | null {
  const among = row[`others_${whose}`]?.[name]
  if (row.metric === name) return row[`score_${whose}`]
  if (divergesByLoss(row, name, whose)) return row[`loss_${whose}`]
  // A task of texts has the perplexities of both models, also where it measures no divergence.
  if (name === 'perplexity_ratio' && among === undefined) return perplexityRatio(row, whose)
  return among ?? null
}

/** Whether a divergence is known of a row as its loss alone, and so on the items of the loss. */
export const divergesByLoss = (row: Row, name: Distance, whose: Whose = 'edited'): boolean =>
  name === 'kl' && row.loss_kind === 'kl' && row.metric !== 'kl' && row[`others_${whose}`]?.kl === undefined

function perplexityRatio(row: Row, whose: Whose): number | null {
  const [score, post] = [row[`score_${whose}`], row.score_post]
  return row.metric === 'perplexity' && score !== null && post !== null ? score / post : null
}

const relative = (edit: number | null, delta: number | null) =>
  edit === null || delta === null || delta === 0 ? null : edit / delta

const MEASURES: Readonly<Record<string, Measure>> = {
  gap: ({ score_edited: edited, score_post: post }) => (edited === null || post === null ? null : edited - post),
  relative_error: ({ edit_norm: edit, delta_norm: delta }) => relative(edit, delta),
  relative_error_rest: ({ edit_norm_rest: edit, delta_norm_rest: delta }) => relative(edit, delta),
  ...Object.fromEntries(DISTANCES.map((name): [string, Measure] => [name, (row) => distanceOf(row, name)])),
}

export const isDistance = (name: string): name is Distance => (DISTANCES as readonly string[]).includes(name)

/** What the base (`pre`) or the post-trained model reaches in a measure of the edited one; null where that says nothing. */
export const measureOfEnd = (row: Row, name: string, whose: 'pre' | 'post'): number | null =>
  name === 'score_edited' ? row[`score_${whose}`] : isDistance(name) ? distanceOf(row, name, whose) : null

/** Whether the scores of a row say how often answers are right. Those of a text, and divergences, do not. */
export function hasTargets({ metric }: Pick<Row, 'metric'>): boolean {
  if (metric === null) return false
  const { ofText, ofPost } = describeMetric(metric)
  return !ofText && !ofPost
}

/** A measure by its name; undefined for the name of a column, an option or a further score. */
export const measureOf = (name: string): Measure | undefined =>
  Object.hasOwn(MEASURES, name) ? MEASURES[name] : undefined
