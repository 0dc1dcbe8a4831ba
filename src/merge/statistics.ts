// Statistics of batch norms in a merge. They are no parameters, and a variance with a mask, a multiple of its delta, or a negative factor can
// be negative: where a method does that, they are the mean of the models.
import type { Merger } from '../mergers/index.js'
import { isStatistic } from '../naming/index.js'
import type { LayerRun } from './layer-runs.js'
import type { Settings } from './settings.js'
import type { ArithmeticChoice } from './stored.js'
import { wantsDeltas } from './tensor.js'

/** Whether the mean may take the place of the method at this tensor: not in mergekit's own arithmetic. */
export const isMeant = (name: string, { stored, outDtype, dtype }: ArithmeticChoice): boolean =>
  isStatistic(name) && !stored && (outDtype ?? dtype) !== 'F64'

/** Whether the method, or an editor before it, works on deltas. */
export const takesDeltas = ({ sources, base }: LayerRun, merger: Merger): boolean =>
  wantsDeltas(merger, base !== null) || sources.some(({ steps }) => steps.length)

/** Whether a method of weights goes beyond what lies between the models. */
export function leavesModels({ merger, options, modelOptions }: Settings['merging']): boolean {
  const { t = 0 } = options as { t?: number }
  const isNegative = ({ weight = 0, scale = 0 }: { weight?: number; scale?: number }) => weight < 0 || scale < 0
  return modelOptions.some((each) => isNegative(each as object)) || (merger.name === 'slerp' && (t < 0 || t > 1))
}
