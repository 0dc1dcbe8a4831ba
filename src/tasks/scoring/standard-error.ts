// Standard errors of scores, as lm-evaluation-harness 0.4.13 estimates them: of a mean from the spread of its items, of F1 and
// Matthews' correlation from resampled items (Efron 1979), with the generator and the seeds that it uses.

import { describeMetric } from '../../naming/index.js'
import { seedTwister } from '../../twister/index.js'
import { LABEL_METRICS, type LabelMetric } from './labels.js'
import { ANSWER_METRICS } from './metrics.js'

/** Resamples of one seed; and of all seeds 0, 1, 2 …, where the items are not many. */
const CHUNK = 1000
const RESAMPLES = 100_000
/** Draws of all resamples together, at most: about five seconds. Up to 5,000 items all resamples are made. */
const DRAWS = 5e8

/** Of a score by its name: of a correlation or F1 from predictions and labels; null where the harness has none, and for one item. */
export function standardError(
  name: string,
  items: ArrayLike<number>,
  labels?: { predicted: readonly number[]; right: readonly number[] },
  resamples = RESAMPLES,
): number | null {
  if (items.length < 2) return null
  const resampled = name in LABEL_METRICS && name !== 'acc'
  if (!resampled) return ANSWER_METRICS[name.split(',')[0]!]?.weight ? null : deviation(items) / Math.sqrt(items.length)
  return labels ? resampledError(name as keyof typeof LABEL_METRICS, labels.predicted, labels.right, resamples) : null
}

/** Square root of the sum of squares over n − 1. */
function deviation(values: ArrayLike<number>): number {
  const all = Array.from(values)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all.length - 1))
}

function resampledError(
  name: keyof typeof LABEL_METRICS,
  predicted: readonly number[],
  right: readonly number[],
  resamples: number,
): number {
  const { measure }: LabelMetric = LABEL_METRICS[name]
  const n = right.length
  // Values, unlike classes, have no table of counts; the harness knows no correlation of values.
  const values = describeMetric(name).unit === 'correlation' && name !== 'matthews'
  const cells = new Map<string, number>()
  const cellOf = Int32Array.from(right, (label, i) => {
    const key = values ? String(i) : `${predicted[i]} ${label}`
    if (!cells.has(key)) cells.set(key, cells.size)
    return cells.get(key)!
  })
  const first = Array.from(cells.values(), (cell) => cellOf.indexOf(cell))
  const [given, wanted] = [first.map((i) => predicted[i]!), first.map((i) => right[i]!)]
  const chunks = values ? 1 : Math.max(1, Math.floor(Math.min(resamples, DRAWS / n) / CHUNK))
  const scores: number[] = []
  for (let seed = 0; seed < chunks; seed++) {
    const twister = seedTwister(seed)
    for (let made = 0; made < CHUNK; made++) {
      const counts = new Int32Array(cells.size)
      for (let i = 0; i < n; i++) counts[cellOf[Math.floor(twister.random() * n)]!]!++
      scores.push(measure(given, wanted, counts))
    }
  }
  return deviation(scores)
}
