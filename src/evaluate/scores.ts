// Scores of a task by the names of its metrics, with their standard errors.
import {
  type ClassifyTask,
  type ImageTask,
  LABEL_METRICS,
  replyMetrics,
  standardError,
  type TaskBase,
} from '../tasks/index.js'

export interface Scores {
  metric: string
  /** Score of the task's metric; a mean of the item scores (0…1) unless the metric is of all items together. */
  score: number
  items: Float64Array
  /** Further scores by name: of other metrics, and of other filters as `metric,filter`. */
  others?: Record<string, number>
  /** Standard errors of all scores by name, as lm-evaluation-harness estimates them; null where it has none. Computed by the call. */
  errors(): Record<string, number | null>
}

/** One score, what each item has of it, and its standard error. */
export interface MetricScore {
  score: number
  items: Float64Array
  error(): number | null
}

/** All scores of a task, the first of which is the task's. */
export function gatherScores(
  task: Pick<TaskBase, 'metric' | 'others'>,
  scores: ReadonlyMap<string, MetricScore>,
): Scores {
  const [first, ...rest] = scores.values()
  if (!first) throw new Error('a task has a metric')
  const [, ...names] = scores.keys()
  // The first has the name of the metric alone, whatever filter it is of.
  const [metric] = replyMetrics(task) as [string]
  return {
    metric,
    score: first.score,
    items: first.items,
    ...(rest.length && { others: Object.fromEntries(rest.map(({ score }, i) => [names[i], score])) }),
    errors: () => Object.fromEntries([first, ...rest].map(({ error }, i) => [[metric, ...names][i], error()])),
  }
}

/** The names of a task's metrics, and what `measure` makes of each. */
export const measureEach = (
  task: Pick<TaskBase, 'metric' | 'others'>,
  measure: (name: string) => MetricScore,
): Map<string, MetricScore> => new Map(replyMetrics(task).map((name) => [name, measure(name)]))

/** The mean of the items' scores. @param name of the metric */
export function meanScore(name: string, values: readonly number[]): MetricScore {
  const items = Float64Array.from(values)
  const score = values.reduce((sum, value) => sum + value, 0) / values.length
  return { score, items, error: () => standardError(name, items) }
}

/** A metric of classes or values, over all items together. */
export function labelScore(name: string, predicted: readonly number[], right: readonly number[]): MetricScore {
  const score = LABEL_METRICS[name as keyof typeof LABEL_METRICS].measure(predicted, right)
  const items = Float64Array.from(predicted, (value, i) => Number(value === right[i]))
  return { score, items, error: () => standardError(name, items, { predicted, right }) }
}

/** All scores of a task of classes or values. */
export function scoreLabels({ items, ...task }: ClassifyTask | ImageTask, predicted: readonly number[]): Scores {
  const right = items.map(({ label }) => label)
  return gatherScores(
    task,
    measureEach(task, (name) => labelScore(name, predicted, right)),
  )
}
