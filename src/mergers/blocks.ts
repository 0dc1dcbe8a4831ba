// Merges plain values. Where a merger treats each entry by itself, the backend gets one run of entries at a time. So a tensor larger
// than the heap of wasm, such as an embedding of an 8B model, can be merged too.
import { countEntries, makeWeights, type Tensor, tf, turnedShape, turnMatrices } from '../tensor/index.js'
import { checkMerged, contextOf, type Merging, mergeTensors } from './apply.js'
import { dataOf, type MergeInputs, type TensorPart } from './merger.js'

/** Entries of one run: 4 MB of float32 for each model. */
export const MERGE_BLOCK = 1 << 20

/** Whether matrices that are stored so are merged as their transposes. */
export const mergesTurned = ({ merger, options, convention }: Merging, turned: boolean | undefined): boolean =>
  turned === true && merger.byRow(options, convention)

/**
 * Bytes that `mergeValues` takes at its largest moment besides the values that it is given, those of the result among them.
 * @param how `inputs`: tensors that go to the backend: those of n models, and the base
 */
export function mergeBytes(
  merging: Merging,
  shape: readonly number[],
  { batch, turned, inputs, n }: { batch: boolean; turned: boolean; inputs: number; n: number },
): number {
  const { merger, convention } = merging
  if (mergesTurned(merging, turned)) {
    const [own, how] = [turnedShape(shape), { batch, turned: false, inputs, n }]
    // All that comes in is turned, and what comes out is turned back.
    return mergeBytes(merging, own, how) + 4 * (inputs + 1) * countEntries(shape)
  }
  const size = countEntries(shape)
  const own = batch && merger.perMatrix(convention) ? shape.slice(1) : shape
  const run = merger.reads === 'whole' || countEntries(own) <= MERGE_BLOCK ? own : [MERGE_BLOCK]
  // Gram matrices, or diagonals, of each model, here and on the backend.
  const given = { none: 0, fisher: 2 * n * size, gram: 2 * n * (shape[1] ?? 0) ** 2 }[dataOf(merger) ?? 'none']
  return 4 * (2 * size + countEntries(run) * (inputs + 1) + given) + merger.workBytes(run, n)
}

/** What each model brings to a tensor, edited; `batch` where it is a batch of matrices. */
export interface MergePart extends TensorPart {
  /** True for a matrix with a row per token. */
  embedding: boolean
  batch?: boolean | undefined
  /** Its matrices are stored [inputs, outputs]. */
  turned?: boolean | undefined
  /** Index of the first value in the tensor, where the values are a part of it. Only for mergers that treat every entry by itself. */
  first?: number | undefined
}

/**
 * The merged values of one tensor (delta or weights, as `input` says), row-major, in a new array.
 * @param part `given` is of the tensor's shape, of a Gram matrix the square of its columns
 * @param before weights of the base, where there is one
 * @param how `warn` is told, with the tensor's name, where the method degenerates; `block`: entries of one run
 */
export const mergeValues = (
  merging: Merging,
  part: MergePart,
  before: Float32Array | null,
  { warn, block = MERGE_BLOCK }: { warn: (text: string) => void; block?: number },
): Promise<Float32Array> => makeWeights(() => mergeRuns(merging, part, before, { warn, block }))

async function mergeRuns(
  merging: Merging,
  part: MergePart,
  before: Float32Array | null,
  { warn, block }: { warn: (text: string) => void; block: number },
): Promise<Float32Array> {
  const { merger } = merging
  const { name, models, embedding, first = 0 } = part
  if (mergesTurned(merging, part.turned)) return mergeTurned(merging, part, before, { warn, block })
  if (part.batch && merger.perMatrix(merging.convention)) return mergeMatrices(merging, part, before, { warn, block })
  const size = models[0]?.length ?? 0
  const say = (text: string) => warn(`${name}: ${text}`)
  if (merger.reads === 'whole' || (size <= block && part.first === undefined))
    return mergeWhole(merging, part, before, say)
  const context = contextOf(merging, say)
  const scanned = merger.reads === 'tensor' ? await merger.scanTensor(models, { ...context, name }) : undefined
  const merged = new Float32Array(size)
  for (let offset = 0; offset < size; offset += block) {
    const run = (values: Float32Array): Tensor => tf.tensor1d(values.subarray(offset, offset + block))
    const out = tf.tidy(() => {
      const inputs = {
        name,
        models: models.map(run),
        base: before ? run(before) : undefined,
        embedding,
        offset: first + offset,
      }
      return checkMerged(merging, inputs, () => merger.merge(inputs, { ...context, scanned }))
    })
    merged.set((await out.data()) as Float32Array, offset)
    out.dispose()
  }
  return merged
}

/** The transposes, whose rows are outputs; turned back. */
async function mergeTurned(
  merging: Merging,
  part: MergePart,
  before: Float32Array | null,
  how: { warn: (text: string) => void; block: number },
): Promise<Float32Array> {
  const turn = (values: Float32Array): Float32Array => turnMatrices(values, part.shape)
  const shape = turnedShape(part.shape)
  const own = {
    ...part,
    ...{ turned: false, shape, models: part.models.map(turn) },
    ...(dataOf(merging.merger) === 'fisher' && { given: part.given?.map(turn) }),
  }
  return turnMatrices(await mergeRuns(merging, own, before && turn(before), how), shape)
}

/** Each matrix of a batch by itself, under a name of its own. */
async function mergeMatrices(
  merging: Merging,
  part: MergePart,
  before: Float32Array | null,
  how: { warn: (text: string) => void; block: number },
): Promise<Float32Array> {
  const [count = 0, ...matrix] = part.shape
  const merged: Float32Array[] = []
  for (let i = 0; i < count; i++) {
    const partOf = (all: Float32Array): Float32Array =>
      all.subarray((i * all.length) / count, ((i + 1) * all.length) / count)
    const alone = {
      ...part,
      batch: false,
      name: `${part.name}[${i}]`,
      shape: matrix,
      models: part.models.map(partOf),
      given: part.given?.map(partOf),
    }
    merged.push(await mergeRuns(merging, alone, before && partOf(before), how))
  }
  const out = new Float32Array(part.models[0]?.length ?? 0)
  merged.forEach((values, i) => out.set(values, i * values.length))
  return out
}

async function mergeWhole(
  merging: Merging,
  { name, shape, models, given, embedding }: MergePart,
  before: Float32Array | null,
  warn: (text: string) => void,
): Promise<Float32Array> {
  const toTensor = (values: Float32Array): Tensor => tf.tensor(values, [...shape], 'float32')
  const square = (values: Float32Array): Tensor => tf.tensor(values, [shape[1]!, shape[1]!], 'float32')
  const inputs: MergeInputs = {
    name,
    models: models.map(toTensor),
    base: before ? toTensor(before) : undefined,
    given: given?.map(dataOf(merging.merger) === 'gram' ? square : toTensor),
    embedding,
  }
  const merged = await mergeTensors(merging, inputs, warn)
  const values = (await merged.data()) as Float32Array
  tf.dispose([merged, ...inputs.models, ...(inputs.given ?? []), ...(inputs.base ? [inputs.base] : [])])
  return values
}
