// Carries out a plan: tensor by tensor, the same tensor of every model in memory and nothing else of them.
import { realpath } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { roleOf, writeCheckpoint, type TensorContent } from '../checkpoint/index.js'
import { applySteps, takeCensus, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { mergeTensors, needsSurvey, surveyModels, type Inputs, type Merging, type Part } from '../mergers/index.js'
import { tf, type Tensor } from '../tensor/index.js'
import type { MergePlan, Source, TensorMerge } from './plan.js'

export interface MergeOptions {
  overwrite?: boolean
  maxShardBytes?: number
  /** config.json with its number of layers changed; that of the reference when left out. */
  config?: Record<string, unknown>
  /** Folder whose tokenizer and config are copied. */
  copyFrom: string
  card?: string
  metadata?: Record<string, string>
  onTensor?: (name: string, bytes: number) => void
  /** Called with a sentence when the method degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** Censuses of each source's editors; sources of one model and run share theirs. */
type Censuses = Map<string, readonly unknown[]>

/** Reads, edits and merges one tensor at a time. Throws a UserError when `out` is an input, or what writeCheckpoint throws. */
export async function mergeCheckpoints(plan: MergePlan, out: string, options: MergeOptions): Promise<void> {
  const target = await realpath(out).catch(() => resolve(out))
  for (const { model } of plan.tensors.flatMap(({ sources, base }) => [...sources, ...(base ? [base] : [])])) {
    if ((await realpath(model.checkpoint.folder)) === target) throw new UserError(`${basename(out)} is the folder of an input; choose another name`)
  }
  const warn = options.onWarning ?? (() => undefined)
  const censuses = await takeCensuses(plan)
  const survey = await surveyAll(plan, censuses)

  async function* contents(): AsyncGenerator<TensorContent> {
    for (const tensor of plan.tensors) {
      const { name, merging, sources: [first] } = tensor
      if (!merging) yield { name, bytes: await first.model.checkpoint.readBytes(first.name) }
      else yield { name, values: await mergeOne({ ...merging, survey }, tensor, plan.seed, censuses, (text) => warn(`${name}: ${text}`)) }
      const { begin, end } = first.model.checkpoint.tensors.get(first.name)!
      options.onTensor?.(name, end - begin)
    }
  }
  const { overwrite, maxShardBytes, config, copyFrom, card, metadata } = options
  await writeCheckpoint(out, { plan: plan.tensors, tensors: contents(), overwrite, maxShardBytes, config, copyFrom, card, metadata })
}

/** What is random is keyed by model and tensor, so that the order of the models does not matter. */
const placeOf = ({ model: { label }, name }: Source): string => `${label}/${name}`

const wantsDeltas = ({ merger }: Merging, { base }: TensorMerge): boolean => merger.input === 'delta' || (merger.input === 'either' && base !== null)

/** Post minus base, in float32. */
function subtract(after: Float32Array, before: Float32Array): Float32Array {
  const delta = new Float32Array(after.length)
  for (let i = 0; i < delta.length; i++) delta[i] = after[i] - before[i]
  return delta
}

async function readDelta({ model, name }: Source, { base }: TensorMerge): Promise<Float32Array> {
  return subtract(await model.checkpoint.read(name), await base!.model.checkpoint.read(base!.name))
}

/** Delta or weights of one source, its editors applied. */
async function readSource(merging: Merging, tensor: TensorMerge, source: Source, seed: number, censuses: Censuses, warn?: (text: string) => void): Promise<Float32Array> {
  const { model, name, steps } = source
  const deltas = wantsDeltas(merging, tensor)
  if (!steps.length) return deltas ? readDelta(source, tensor) : model.checkpoint.read(name)
  const delta = tf.tensor(await readDelta(source, tensor), [...tensor.shape], 'float32')
  const edited = await applySteps(steps, delta, { seed, tensor: placeOf(source), census: censuses.get(model.label), onWarning: warn })
  const values = (await edited.data()) as Float32Array
  tf.dispose([delta, edited])
  if (deltas) return values
  const before = await tensor.base!.model.checkpoint.read(tensor.base!.name)
  for (let i = 0; i < values.length; i++) before[i] += values[i]
  return before
}

/** Null unless every source has data for this tensor. */
async function readData({ sources }: TensorMerge): Promise<{ values: Float32Array; shape: number[] }[] | undefined> {
  const entries = sources.map(({ data, name }) => data?.checkpoint.tensors.get(name))
  if (!entries.every((entry) => entry)) return undefined
  return Promise.all(sources.map(async ({ data, name }, i) => ({ values: await data!.checkpoint.read(name), shape: entries[i]!.shape })))
}

/** The merged weights of one tensor; where a merged delta is 0 they are the base's, without rounding. */
async function mergeOne(merging: Merging, tensor: TensorMerge, seed: number, censuses: Censuses, warn: (text: string) => void): Promise<Float32Array> {
  const { shape, sources, base } = tensor
  const deltas = wantsDeltas(merging, tensor)
  const toTensor = (values: Float32Array, own: readonly number[] = shape): Tensor => tf.tensor(values, [...own], 'float32')
  const models: Tensor[] = []
  for (const source of sources) models.push(toTensor(await readSource(merging, tensor, source, seed, censuses, warn)))
  const before = base && deltas ? await base.model.checkpoint.read(base.name) : null
  const given = (await readData(tensor))?.map(({ values, shape: own }) => toTensor(values, own))
  const inputs: Inputs = { name: tensor.name, models, base: before ? toTensor(before) : undefined, given, embedding: roleOf(tensor.name, shape) === 'embedding' }
  const merged = await mergeTensors(merging, inputs, warn)
  const values = (await merged.data()) as Float32Array
  tf.dispose([merged, ...models, ...(given ?? []), ...(inputs.base ? [inputs.base] : [])])
  if (before) for (let i = 0; i < values.length; i++) values[i] = before[i] + values[i]
  return values
}

/** The pass over the whole models, for mergers that make one. */
async function surveyAll({ tensors, seed }: MergePlan, censuses: Censuses): Promise<unknown> {
  const weights = tensors.filter((tensor): tensor is TensorMerge & { merging: Merging } => tensor.merging !== null)
  const first = weights.find(({ merging }) => needsSurvey(merging))
  if (!first) return undefined
  return surveyModels(first.merging, async function* (): AsyncGenerator<Part> {
    for (const tensor of weights) {
      const models = []
      for (const source of tensor.sources) models.push(await readSource(tensor.merging, tensor, source, seed, censuses))
      yield { name: tensor.name, shape: tensor.shape, models, given: (await readData(tensor))?.map(({ values }) => values) }
    }
  })
}

/** What editors must know of a whole model: one census per model, over all tensors it has a part in. */
async function takeCensuses({ tensors }: MergePlan): Promise<Censuses> {
  const censuses: Censuses = new Map()
  const parts = tensors.flatMap((tensor) => (tensor.merging ? tensor.sources.map((source) => ({ tensor, source })) : []))
  const asks = ({ editor, options }: Step): boolean => Boolean(editor.needsCensus?.(options))
  for (const { source: { model, steps } } of parts) {
    if (censuses.has(model.label) || !steps.some(asks)) continue
    censuses.set(model.label, await takeCensus(steps, async function* () {
      for (const { tensor, source } of parts) if (source.model === model) yield [placeOf(source), await readDelta(source, tensor)] as const
    }))
  }
  return censuses
}
