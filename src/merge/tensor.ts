// One tensor of a model on its way to a merger: its delta, edited. Merge files and runs of a sweep share this.
import { type ApplyContext, applySteps, type Step } from '../editors/index.js'
import type { Merger } from '../mergers/index.js'

/** Whether the merger takes deltas and returns one; otherwise it takes and returns weights. */
export const wantsDeltas = ({ input }: Merger, based: boolean): boolean =>
  input === 'delta' || (input === 'either' && based)

/** What random draws are keyed by: the model and the tensor, so that the order of the models does not matter. */
export const drawKey = (model: string, tensor: string): string => `${model}/${tensor}`

/** The delta after - before in float32, in the memory of `after`. */
export function toDelta(after: Float32Array, before: Float32Array): Float32Array {
  for (let i = 0; i < after.length; i++) after[i]! -= before[i]!
  return after
}

/** The weights before + delta, in the memory of `delta`. An entry whose delta is 0 is exactly that of the base. */
export function toWeights(before: Float32Array, delta: Float32Array): Float32Array {
  for (let i = 0; i < delta.length; i++) delta[i]! += before[i]!
  return delta
}

/**
 * A model's tensor as its merger takes it, after its editors.
 * @param after weights of the model, row-major; their memory is used
 * @param before weights of the base; null only if no delta is needed
 * @param deltas whether the merger takes the edited delta or the edited weights
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
