// Scores of predicted classes or values against the right ones, over a whole task: accuracy, F1, Matthews, correlations.

export interface LabelMetric {
  name: string
  description: string
  /** From −1 to 1, and not a share of anything. */
  correlation?: boolean
  /** Predictions and labels of all items, in one order → the score. */
  measure(predicted: readonly number[], right: readonly number[]): number
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const acc: LabelMetric = {
  name: 'acc',
  description: 'share of items with the right class',
  measure: (predicted, right) => mean(predicted.map((value, i) => Number(value === right[i]))),
}

/** Of class 1, as GLUE has it for MRPC and QQP; 0 where nothing is or should be of that class. */
const f1: LabelMetric = {
  name: 'f1',
  description: 'F1 of class 1: harmonic mean of precision and recall',
  measure(predicted, right) {
    const both = predicted.filter((value, i) => value === 1 && right[i] === 1).length
    const all = predicted.filter((value) => value === 1).length + right.filter((value) => value === 1).length
    return all === 0 ? 0 : (2 * both) / all
  },
}

/** For any number of classes: Gorodkin 2004; 0 where one side is a single class. */
const matthews: LabelMetric = {
  name: 'matthews',
  correlation: true,
  description: "Matthews' correlation of predicted and right classes, −1 to 1",
  measure(predicted, right) {
    const n = right.length
    const classes = [...new Set([...predicted, ...right])]
    const count = (list: readonly number[]) => classes.map((each) => list.filter((value) => value === each).length)
    const [p, t] = [count(predicted), count(right)]
    const hits = predicted.filter((value, i) => value === right[i]).length
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0)
    const spread = (n * n - dot(p, p)) * (n * n - dot(t, t))
    return spread === 0 ? 0 : (hits * n - dot(p, t)) / Math.sqrt(spread)
  },
}

/** NaN-free: 0 where one side does not vary. */
function correlate(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - meanA, b[i] - meanB]
    ab += x * y
    aa += x * x
    bb += y * y
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b])
  const ranks = new Array<number>(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start
    while (end + 1 < order.length && values[order[end + 1]] === values[order[start]]) end++
    for (let i = start; i <= end; i++) ranks[order[i]] = (start + end) / 2 + 1
    start = end + 1
  }
  return ranks
}

const pearson: LabelMetric = { name: 'pearson', correlation: true, description: "Pearson's correlation of predicted and right values", measure: correlate }

const spearman: LabelMetric = {
  name: 'spearman',
  correlation: true,
  description: "Spearman's correlation of predicted and right values: that of their ranks",
  measure: (predicted, right) => correlate(ranksOf(predicted), ranksOf(right)),
}

export const LABEL_METRICS = { acc, f1, matthews, pearson, spearman } as const satisfies Record<string, LabelMetric>
