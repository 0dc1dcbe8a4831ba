// Scores of predicted classes or values against the right ones, over a whole task: accuracy, F1, Matthews, correlations.

export interface LabelMetric {
  name: string
  description: string
  /** Predictions and labels of all items, in one order → the score. `counts`: how often each item counts; once by default. */
  measure(predicted: readonly number[], right: readonly number[], counts?: ArrayLike<number>): number
}

const once = (values: readonly number[]): ArrayLike<number> => values.map(() => 1)
const total = (counts: ArrayLike<number>) => Array.from(counts).reduce((sum, count) => sum + count, 0)
const mean = (values: readonly number[], counts: ArrayLike<number>) =>
  values.reduce((sum, value, i) => sum + counts[i]! * value, 0) / total(counts)

const acc: LabelMetric = {
  name: 'acc',
  description: 'share of items with the right class',
  measure: (predicted, right, counts = once(right)) =>
    mean(
      predicted.map((value, i) => Number(value === right[i])),
      counts,
    ),
}

/** Of class 1, as GLUE has it for MRPC and QQP; 0 where nothing is or should be of that class. */
const f1: LabelMetric = {
  name: 'f1',
  description: 'F1 of class 1: harmonic mean of precision and recall',
  measure(predicted, right, counts = once(right)) {
    const count = (isCounted: (i: number) => boolean) =>
      right.reduce((sum, _, i) => sum + (isCounted(i) ? counts[i]! : 0), 0)
    const both = count((i) => predicted[i] === 1 && right[i] === 1)
    const all = count((i) => predicted[i] === 1) + count((i) => right[i] === 1)
    return all === 0 ? 0 : (2 * both) / all
  },
}

/** For any number of classes: Gorodkin 2004; 0 where one side is a single class. */
const matthews: LabelMetric = {
  name: 'matthews',
  description: "Matthews' correlation of predicted and right classes, −1 to 1",
  measure(predicted, right, counts = once(right)) {
    const n = total(counts)
    const classes = [...new Set([...predicted, ...right])]
    const count = (list: readonly number[]) =>
      classes.map((each) => list.reduce((sum, value, i) => sum + (value === each ? counts[i]! : 0), 0))
    const [p, t] = [count(predicted), count(right)]
    const hits = predicted.reduce((sum, value, i) => sum + (value === right[i]! ? counts[i]! : 0), 0)
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    const spread = (n * n - dot(p, p)) * (n * n - dot(t, t))
    return spread === 0 ? 0 : (hits * n - dot(p, t)) / Math.sqrt(spread)
  },
}

/** NaN-free: 0 where one side does not vary. */
function correlate(a: readonly number[], b: readonly number[], counts: ArrayLike<number> = once(a)): number {
  const [meanA, meanB] = [mean(a, counts), mean(b, counts)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB]
    ab += counts[i]! * x * y
    aa += counts[i]! * x * x
    bb += counts[i]! * y * y
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranksOf(values: readonly number[], counts: ArrayLike<number>): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!)
  const ranks = new Array<number>(values.length)
  let before = 0
  for (let start = 0; start < order.length; ) {
    let end = start
    while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++
    const equal = order.slice(start, end + 1)
    const many = equal.reduce((sum, i) => sum + counts[i]!, 0)
    for (const i of equal) ranks[i] = before + (many + 1) / 2
    before += many
    start = end + 1
  }
  return ranks
}

const pearson: LabelMetric = {
  name: 'pearson',
  description: "Pearson's correlation of predicted and right values",
  measure: correlate,
}

const spearman: LabelMetric = {
  name: 'spearman',
  description: "Spearman's correlation of predicted and right values: that of their ranks",
  measure: (predicted, right, counts = once(right)) =>
    correlate(ranksOf(predicted, counts), ranksOf(right, counts), counts),
}

export const LABEL_METRICS = { acc, f1, matthews, pearson, spearman } as const satisfies Record<string, LabelMetric>
/** Metrics of classes, and those of values. */
export const CLASS_METRICS = ['acc', 'f1', 'matthews']
export const VALUE_METRICS = ['pearson', 'spearman']
