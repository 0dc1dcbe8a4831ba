// Merges plain values: the tensors of the backend hold a run of entries at a time where a merger treats every entry by itself, so
// that an embedding of an 8B model, larger than the heap of wasm, is merged like any other.
import { type Tensor, tf } from '../tensor/index.js'
import { type Merging, mergeTensors } from './apply.js'
import type { Inputs, Part } from './merger.js'

/** Entries of one run: 16 MB of float32 for each model. */
export const BLOCK = 1 << 22

/**
 * The merged values of one tensor (delta or weights, as `input` says), row-major, in a new array.
 * @param part what each model brings, edited; `batch` where it is a batch of matrices; `given` is of the tensor's shape, of a Gram matrix the square of its columns
 * @param before weights of the base, where there is one
 * @param warn told, with the tensor's name, where the method degenerates
 */
export async function mergeValues(
  merging: Merging,
  part: Part & Pick<Inputs, 'embedding'> & { batch?: boolean },
  before: Float32Array | null,
  warn: (text: string) => void,
  block = BLOCK,
): Promise<Float32Array> {
  const { merger, ...settings } = merging
  const { name, models, embedding, given, shape } = part
  if (part.batch && merger.perMatrix?.(merging.convention)) {
    const [count, ...matrix] = shape
    const merged = new Float32Array(models[0]!.length)
    for (let i = 0; i < count!; i++) {
      const partOf = (all: Float32Array): Float32Array =>
        all.subarray((i * all.length) / count!, ((i + 1) * all.length) / count!)
      const own = {
        ...part,
        batch: false,
        name: `${name}[${i}]`,
        shape: matrix,
        models: models.map(partOf),
        given: given?.map(partOf),
      }
      merged.set(await mergeValues(merging, own, before && partOf(before), warn, block), (i * merged.length) / count!)
    }
    return merged
  }
  const size = models[0]!.length
  const say = (text: string) => warn(`${name}: ${text}`)
  if (!merger.measure || size <= block) return mergeWhole(merging, part, before, say)
  const context = { survey: undefined, ...settings, warn: say }
  const facts = await merger.measure(models, { ...context, name })
  const merged = new Float32Array(size)
  for (let offset = 0; offset < size; offset += block) {
    const run = (values: Float32Array): Tensor => tf.tensor1d(values.subarray(offset, offset + block))
    const out = tf.tidy(() =>
      merger.merge(
        { name, models: models.map(run), base: before ? run(before) : undefined, embedding, offset },
        { ...context, facts },
      ),
    )
    merged.set((await out.data()) as Float32Array, offset)
    out.dispose()
  }
  return merged
}

async function mergeWhole(
  merging: Merging,
  { name, shape, models, given, embedding }: Part & Pick<Inputs, 'embedding'>,
  before: Float32Array | null,
  warn: (text: string) => void,
): Promise<Float32Array> {
  const toTensor = (values: Float32Array): Tensor => tf.tensor(values, [...shape], 'float32')
  const square = (values: Float32Array): Tensor => tf.tensor(values, [shape[1]!, shape[1]!], 'float32')
  const inputs: Inputs = {
    name,
    models: models.map(toTensor),
    base: before ? toTensor(before) : undefined,
    given: given?.map(merging.merger.data === 'gram' ? square : toTensor),
    embedding,
  }
  const merged = await mergeTensors(merging, inputs, warn)
  const values = (await merged.data()) as Float32Array
  tf.dispose([merged, ...inputs.models, ...(inputs.given ?? []), ...(inputs.base ? [inputs.base] : [])])
  return values
}
