// The merge of one tensor by the definitions of its methods, on TensorFlow.js, and what these must know of whole models before.
import { matricesOf, roleOf, type TensorContent, weightRows } from '../checkpoint/index.js'
import { editsBlocks, isPerMatrix, needsModel, scanModel } from '../editors/index.js'
import type { Interval } from '../kernels/index.js'
import { type Merging, mergesTurned, mergeValues, needsModels, scanModels, type TensorPart } from '../mergers/index.js'
import { countEntries } from '../tensor/index.js'
import { mergeStored } from './merge-stored.js'
import type { MergePlan } from './plan.js'
import type { MergeSource, TensorMerge } from './plan-tensor.js'
import { mergedLayout } from './program.js'
import { drawKey, editPart, toDelta, toWeights, wantsDeltas } from './tensor.js'

/** What was found in passes over whole models. */
export interface PlanScans {
  /** By a model's label, what each of its editors must know. */
  editors: ReadonlyMap<string, readonly unknown[]>
  /** What the merger must know of all models. */
  models: unknown
}

type Weights = TensorMerge & { merging: Merging }

type Warn = (text: string) => void

const isWeights = (tensor: TensorMerge): tensor is Weights => tensor.merging !== null

/** Whether parts of a tensor can be merged without the rest of it. */
export function mergesRows(tensor: TensorMerge): boolean {
  const { sources, merging, stored } = tensor
  if (stored || merging?.merger.reads !== 'entries') return false
  const { batch, turned } = mergedLayout(tensor)
  if (mergesTurned(merging, turned) || (batch && merging.merger.perMatrix(merging.convention))) return false
  return sources.every(({ steps }) => editsBlocks(steps) && !(batch && steps.some(({ editor }) => isPerMatrix(editor))))
}

/** Reads the whole models where a method asks for it. */
export async function scanPlan(plan: MergePlan, warn: Warn): Promise<PlanScans> {
  const editors = await scanEditors(plan)
  return { editors, models: await scanMerger(plan, editors, warn) }
}

/**
 * The merged weights of a tensor, or of rows of it where `mergesRows` allows that.
 * @param warn is told where a method degenerates
 */
export async function mergeTensor(
  plan: MergePlan,
  tensor: TensorMerge,
  scans: PlanScans,
  { rows, warn }: { rows: Interval | null; warn: Warn },
): Promise<Omit<TensorContent, 'name'>> {
  const { name, shape } = tensor
  if (!isWeights(tensor)) throw new Error(`${name} is copied`)
  if (tensor.stored) return { values: await mergeStored(plan, tensor, tensor.stored, warn) }
  const first = rows ? rows.from * countEntries(shape.slice(1)) : undefined
  const before = await readBase(tensor, rows)
  const part = {
    ...(await readPart(plan, tensor, before, { editors: scans.editors, rows, warn })),
    embedding: roleOf(name, shape) === 'embedding',
    ...mergedLayout(tensor),
    first,
  }
  const merging = { ...tensor.merging, scannedModels: scans.models }
  const merged = await mergeValues(merging, part, before, { warn })
  return { values: wantsDeltas(merging.merger, before !== null) ? toWeights(before!, merged) : merged, first }
}

const labelled = ({ model: { label }, name }: MergeSource): string => drawKey(label, name)

const read = ({ model, name }: Pick<MergeSource, 'model' | 'name'>, rows: Interval | null): Promise<Float32Array> =>
  rows ? weightRows(model.checkpoint, name, rows) : model.checkpoint.read(name)

const readBase = async ({ base }: TensorMerge, rows: Interval | null): Promise<Float32Array | null> =>
  base && read(base, rows)

/** The same tensor of every source, edited. @param before weights of the base */
async function readPart(
  { seed }: MergePlan,
  tensor: Weights,
  before: Float32Array | null,
  { editors, rows, warn }: Pick<PlanScans, 'editors'> & { rows: Interval | null; warn: Warn },
): Promise<TensorPart> {
  const { name, shape, sources, merging } = tensor
  const row = countEntries(shape.slice(1))
  const own = rows ? [rows.to - rows.from, ...shape.slice(1)] : shape
  const models: Float32Array[] = []
  for (const source of sources) {
    const { model, steps } = source
    const context = {
      seed,
      tensor: labelled(source),
      ...mergedLayout(tensor),
      scanned: editors.get(model.label),
      offset: rows ? rows.from * row : undefined,
      onWarning: warn,
    }
    const how = { shape: own, steps, deltas: wantsDeltas(merging.merger, before !== null) }
    models.push(await editPart(await read(source, rows), before, how, context))
  }
  return { name, shape: own, models, given: await readData(sources) }
}

/** Undefined unless every source has data for this tensor. */
async function readData(sources: readonly MergeSource[]): Promise<Float32Array[] | undefined> {
  if (!sources.every(({ data, name }) => data?.checkpoint.tensors.has(name))) return undefined
  return Promise.all(sources.map(({ data, name }) => data!.checkpoint.read(name)))
}

/** The pass over the whole models, for mergers that make one; what editors say is said when the tensor is merged. */
async function scanMerger(plan: MergePlan, editors: PlanScans['editors'], warn: Warn): Promise<unknown> {
  const weights = plan.tensors.filter(isWeights)
  const first = weights.find(({ merging }) => needsModels(merging))
  if (!first) return undefined
  const walk = async function* (): AsyncGenerator<TensorPart> {
    for (const tensor of weights)
      yield await readPart(plan, tensor, await readBase(tensor, null), { editors, rows: null, warn: () => undefined })
  }
  return scanModels(first.merging, walk, warn)
}

/** One scan of each model whose editors ask for it, over all tensors that it has a part in. */
async function scanEditors({ tensors }: MergePlan): Promise<PlanScans['editors']> {
  const scans = new Map<string, readonly unknown[]>()
  const parts = tensors.filter(isWeights).flatMap((tensor) => tensor.sources.map((source) => ({ tensor, source })))
  for (const { model, steps } of parts.map(({ source }) => source)) {
    if (scans.has(model.label) || !steps.some(needsModel)) continue
    const deltas = async function* () {
      for (const { tensor, source } of parts) {
        if (source.model !== model) continue
        yield [
          labelled(source),
          toDelta(await read(source, null), (await readBase(tensor, null))!),
          matricesOf(tensor),
        ] as const
      }
    }
    scans.set(model.label, await scanModel(steps, deltas))
  }
  return scans
}
