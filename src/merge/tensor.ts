// The merge of one tensor: each model's delta as its editors leave it, and what the merger makes of them. The same for a merge
// file and for a run of a sweep.
import { type ApplyContext, applySteps, type Step } from '../editors/index.js'
import type { Merger } from '../mergers/index.js'

/** Whether the merger is given deltas, and returns one, or weights. */
export const wantsDeltas = ({ input }: Merger, based: boolean): boolean =>
  input === 'delta' || (input === 'either' && based)

/** What random draws are keyed by: the model and the tensor, so that the order of the models does not matter. */
export const drawKey = (model: string, tensor: string): string => `${model}/${tensor}`

/** The delta after - before in float32, in the memory of `after`. */
export function toDelta(after: Float32Array, before: Float32Array): Float32Array {
  for (let i = 0; i < after.length; i++) after[i]! -= before[i]!
  return after
}

/** The weights before + delta, in the memory of `delta`; an entry that did not move is the base's, without rounding. */
export function toWeights(before: Float32Array, delta: Float32Array): Float32Array {
  for (let i = 0; i < delta.length; i++) delta[i]! += before[i]!
  return delta
}

/**
 * A model's tensor as its merger wants it, its editors applied.
 * @param after weights of the model, row-major; their memory is used
 * @param before weights of the base; null only where nothing needs a delta
 * @param deltas whether the merger wants the edited delta, or the weights with it
 */
export async function editPart(
  after: Float32Array,
  before: Float32Array | null,
  { shape, steps, deltas }: { shape: readonly number[]; steps: readonly Step[]; deltas: boolean },
  context: ApplyContext,
): Promise<Float32Array> {
  if (!steps.length) return deltas ? toDelta(after, before!) : after
  const values = await applySteps(steps, toDelta(after, before!), shape, context)
  return deltas ? values : toWeights(before!, values)
}
