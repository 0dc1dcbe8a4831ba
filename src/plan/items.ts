// Which items of a task are used for what: the first ones for losses and scores, the next ones for validation, the last ones for
// mergers to learn from.
import type { Experiment } from '../config/index.js'

/** Number of items for a gradient when the experiment has no `loss`: the default of that section. */
export const GRADIENT_ITEMS = 128

/** Number of items, from the first, that losses and scores are measured on. */
export const measuredItems = ({ score, loss }: Pick<Experiment, 'score' | 'loss'>): number =>
  Math.max(score ? score.items : 0, loss ? loss.items : 0)

/** Begin and end of the validation items among a task's items; null without validation. */
export function validationRange(given: Pick<Experiment, 'score' | 'loss'>): [begin: number, end: number] | null {
  const { score } = given
  if (!score || score.validation === undefined) return null
  const begin = measuredItems(given)
  return [begin, begin + score.validation]
}
