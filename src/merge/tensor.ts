// The merge of one tensor: each model's delta as its editors leave it, and what the merger makes of them. The same for a merge
// file and for a run of a sweep.
import { applySteps, type ApplyContext, type Step } from '../editors/index.js'
import { mergeTensors, type Inputs, type Merger, type Merging, type Part } from '../mergers/index.js'
import { tf, type Tensor } from '../tensor/index.js'

/** Whether the merger is given deltas, and returns one, or weights. */
export const wantsDeltas = ({ input }: Merger, based: boolean): boolean => input === 'delta' || (input === 'either' && based)

/** What is random is keyed by model and tensor, so that the order of the models does not matter. */
export const placeOf = (model: string, tensor: string): string => `${model}/${tensor}`

/** after - before in float32, in the memory of `after`. */
export function subtract(after: Float32Array, before: Float32Array): Float32Array {
  for (let i = 0; i < after.length; i++) after[i] -= before[i]
  return after
}

/** before + delta, in the memory of `delta`; an entry that did not move is the base's, without rounding. */
export function add(before: Float32Array, delta: Float32Array): Float32Array {
  for (let i = 0; i < delta.length; i++) delta[i] += before[i]
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
  if (!steps.length) return deltas ? subtract(after, before!) : after
  const delta = tf.tensor(subtract(after, before!), [...shape], 'float32')
  const edited = await applySteps(steps, delta, context)
  const values = (await edited.data()) as Float32Array
  tf.dispose([delta, edited])
  return deltas ? values : add(before!, values)
}

/**
 * The merged delta of one tensor, or its weights where the merger takes no deltas; row-major.
 * @param part what `editPart` made of every model; `given` is of the tensor's shape, of a Gram matrix the square of its columns
 * @param before weights of the base, where there is one
 * @param warn told, with the tensor's name, where the method degenerates
 */
export async function mergePart(
  merging: Merging,
  { name, shape, models, given, embedding }: Part & Pick<Inputs, 'embedding'>,
  before: Float32Array | null,
  warn: (text: string) => void,
): Promise<Float32Array> {
  const toTensor = (values: Float32Array): Tensor => tf.tensor(values, [...shape], 'float32')
  const square = (values: Float32Array): Tensor => tf.tensor(values, [shape[1], shape[1]], 'float32')
  const inputs: Inputs = {
    name,
    models: models.map(toTensor),
    base: before ? toTensor(before) : undefined,
    given: given?.map(merging.merger.data === 'gram' ? square : toTensor),
    embedding,
  }
  const merged = await mergeTensors(merging, inputs, (text) => warn(`${name}: ${text}`))
  const values = (await merged.data()) as Float32Array
  tf.dispose([merged, ...inputs.models, ...(inputs.given ?? []), ...(inputs.base ? [inputs.base] : [])])
  return values
}
