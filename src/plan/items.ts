// Which items of a task are for what. From the first: losses and scores; behind them those that options are chosen on; from the
// last those that mergers learn from.
import type { Experiment } from '../config/index.js'

/** Items that a gradient is taken on where the experiment has no `loss`: the default of that section. */
export const GRADIENT_ITEMS = 128

/** Number of items that are measured on, from the first. */
export const measuredItems = ({ score, loss }: Pick<Experiment, 'score' | 'loss'>): number =>
  Math.max(score ? score.items : 0, loss ? loss.items : 0)

/** Begin and end of the validation items among a task's items; null where the experiment asks for none. */
export function validationRange(given: Pick<Experiment, 'score' | 'loss'>): [begin: number, end: number] | null {
  const { score } = given
  if (!score || score.validation === undefined) return null
  const begin = measuredItems(given)
  return [begin, begin + score.validation]
}
