// Carries out a plan: tensor by tensor, the same tensor of every model in memory and nothing else of them.
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { roleOf, writeCheckpoint, type TensorContent } from '../checkpoint/index.js'
import { applySteps, takeCensus, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { mergeTensors, needsSurvey, surveyModels, type Inputs, type Merging, type Part } from '../mergers/index.js'
import { tf, type Tensor } from '../tensor/index.js'
import { configOf } from './describe.js'
import type { MergePlan, Source, TensorMerge } from './plan.js'

export interface MergeOptions {
  overwrite?: boolean
  maxShardBytes?: number
  /** Folder whose tokenizer is copied. */
  copyFrom: string
  card?: string
  metadata?: Record<string, string>
  /** Called after each tensor with its name and its number of parameters. */
  onTensor?: (name: string, parameters: number) => void
  /** Called with a sentence when the method degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** What the editors of each model, by its label, must know of all its tensors. */
type Censuses = Map<string, readonly unknown[]>

type Weights = TensorMerge & { merging: Merging }

/** Reads, edits and merges one tensor at a time. Throws a UserError when `out` is an input, or what writeCheckpoint throws. */
export async function mergeCheckpoints(plan: MergePlan, out: string, options: MergeOptions): Promise<void> {
  const { tensors, reference } = plan
  const target = await realpath(out).catch(() => resolve(out))
  for (const { model } of tensors.flatMap(({ sources, base }) => [...sources, ...(base ? [base] : [])])) {
    if ((await realpath(model.checkpoint.folder)) === target) throw new UserError(`${out} is the folder of an input; choose another name`)
  }
  const { onTensor, onWarning = () => undefined, copyFrom, ...rest } = options
  const reader = readerOf(plan, await takeCensuses(plan), onWarning)
  const survey = await surveyAll(plan, reader, onWarning)

  async function* contents(): AsyncGenerator<TensorContent> {
    for (const tensor of tensors) {
      const { name, merging, shape } = tensor
      const [first] = tensor.sources
      if (merging) yield { name, values: await mergeOne({ ...merging, survey }, { ...tensor, merging }, reader, onWarning) }
      else yield { name, bytes: await first.model.checkpoint.readBytes(first.name) }
      onTensor?.(name, shape.reduce((product, side) => product * side, 1))
    }
  }
  const config = configOf(plan) ?? (copyFrom === reference.checkpoint.folder ? undefined : reference.checkpoint.config)
  await writeCheckpoint(out, { ...rest, plan: tensors, tensors: contents(), config, copyFrom })
}

/** What is random is keyed by model and tensor, so that the order of the models does not matter. */
const placeOf = ({ model: { label }, name }: Source): string => `${label}/${name}`

const wantsDeltas = ({ merging: { merger }, base }: Weights): boolean =>
  merger.input === 'delta' || (merger.input === 'either' && base !== null)

const readBase = async ({ base }: TensorMerge): Promise<Float32Array | null> => base && base.model.checkpoint.read(base.name)

/** after - before in float32, in the memory of `after`. */
function subtract(after: Float32Array, before: Float32Array): Float32Array {
  for (let i = 0; i < after.length; i++) after[i] -= before[i]
  return after
}

/** before + delta, in the memory of `delta`; an entry that did not move is the base's, without rounding. */
function add(before: Float32Array, delta: Float32Array): Float32Array {
  for (let i = 0; i < delta.length; i++) delta[i] += before[i]
  return delta
}

/** Delta or weights of one source, as its merger wants them, its editors applied; `before` is the base's tensor. */
type Reader = (tensor: Weights, source: Source, before: Float32Array | null) => Promise<Float32Array>

/** A survey reads tensors before they are merged; each sentence of an editor is said once. */
function readerOf({ seed }: MergePlan, censuses: Censuses, onWarning: (text: string) => void): Reader {
  const said = new Set<string>()
  const warn = (text: string): void => {
    if (!said.has(text)) onWarning(text)
    said.add(text)
  }
  return async (tensor, source, before) => {
    const { model, name, steps } = source
    const deltas = wantsDeltas(tensor)
    const after = await model.checkpoint.read(name)
    if (!steps.length) return deltas ? subtract(after, before!) : after
    const delta = tf.tensor(subtract(after, before!), [...tensor.shape], 'float32')
    const edited = await applySteps(steps, delta, { seed, tensor: placeOf(source), census: censuses.get(model.label), onWarning: warn })
    const values = (await edited.data()) as Float32Array
    tf.dispose([delta, edited])
    return deltas ? values : add(before!, values)
  }
}

/** Null unless every source has data for this tensor. */
async function readData({ sources }: TensorMerge): Promise<{ values: Float32Array; shape: number[] }[] | undefined> {
  const entries = sources.map(({ data, name }) => data?.checkpoint.tensors.get(name))
  if (!entries.every((entry) => entry)) return undefined
  return Promise.all(sources.map(async ({ data, name }, i) => ({ values: await data!.checkpoint.read(name), shape: entries[i]!.shape })))
}

/** The merged weights of one tensor. */
async function mergeOne(merging: Merging, tensor: Weights, read: Reader, onWarning: (text: string) => void): Promise<Float32Array> {
  const { name, shape, sources } = tensor
  const toTensor = (values: Float32Array, own: readonly number[] = shape): Tensor => tf.tensor(values, [...own], 'float32')
  const before = await readBase(tensor)
  const models: Tensor[] = []
  for (const source of sources) models.push(toTensor(await read(tensor, source, before)))
  const given = (await readData(tensor))?.map(({ values, shape: own }) => toTensor(values, own))
  const base = before ? toTensor(before) : undefined
  const inputs: Inputs = { name, models, base, given, embedding: roleOf(name, shape) === 'embedding' }
  const merged = await mergeTensors(merging, inputs, (text) => onWarning(`${name}: ${text}`))
  const values = (await merged.data()) as Float32Array
  tf.dispose([merged, ...models, ...(given ?? []), ...(base ? [base] : [])])
  return wantsDeltas(tensor) ? add(before!, values) : values
}

/** The pass over the whole models, for mergers that make one. */
async function surveyAll({ tensors }: MergePlan, read: Reader, onWarning: (text: string) => void): Promise<unknown> {
  const weights = tensors.filter((tensor): tensor is Weights => tensor.merging !== null)
  const first = weights.find(({ merging }) => needsSurvey(merging))
  if (!first) return undefined
  const walk = async function* (): AsyncGenerator<Part> {
    for (const tensor of weights) {
      const before = await readBase(tensor)
      const models = []
      for (const source of tensor.sources) models.push(await read(tensor, source, before))
      yield { name: tensor.name, shape: tensor.shape, models, given: (await readData(tensor))?.map(({ values }) => values) }
    }
  }
  return surveyModels(first.merging, walk, onWarning)
}

/** One census per model whose editors ask for it, over all tensors that it has a part in. */
async function takeCensuses({ tensors }: MergePlan): Promise<Censuses> {
  const censuses: Censuses = new Map()
  const parts = tensors.flatMap((tensor) => (tensor.merging ? tensor.sources.map((source) => ({ tensor, source })) : []))
  const asks = ({ editor, options }: Step): boolean => Boolean(editor.needsCensus?.(options))
  for (const { model, steps } of parts.map(({ source }) => source)) {
    if (censuses.has(model.label) || !steps.some(asks)) continue
    const deltas = async function* () {
      for (const { tensor, source } of parts) {
        if (source.model !== model) continue
        yield [placeOf(source), subtract(await model.checkpoint.read(source.name), (await readBase(tensor))!)] as const
      }
    }
    censuses.set(model.label, await takeCensus(steps, deltas))
  }
  return censuses
}
