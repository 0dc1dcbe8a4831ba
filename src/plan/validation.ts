// The items that options are chosen on: behind those that scores and losses are measured on, before those that mergers learn from.
import type { Experiment } from '../config/index.js'

/** Begin and end among a task's items; null where the experiment asks for none. */
export function validationRange({
  score,
  loss,
}: Pick<Experiment, 'score' | 'loss'>): [begin: number, end: number] | null {
  if (!score || score.validation === undefined) return null
  const begin = Math.max(score.items, loss ? loss.items : 0)
  return [begin, begin + score.validation]
}
