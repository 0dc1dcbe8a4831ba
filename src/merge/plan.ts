// A merge file and the headers of its models → every tensor of the result with its inputs and options; all that can be wrong
// is said here, before a weight is read.
import { UserError, within } from '../errors/index.js'
import { type Convention, dataOf, type Merger } from '../mergers/index.js'
import { BUILT_IN, type Registry } from '../registry/index.js'
import { warnOfRows } from './embeddings.js'
import { buffersIn, checkData, findUnmatched, namesIn } from './fit.js'
import { followLayers, isMoved, type Origin } from './layer-config.js'
import { checkPlaces } from './layer-places.js'
import { checkSources, chooseAsMergekit, chooseSources, type LayerRun, type ListedRun, listRuns } from './layer-runs.js'
import { layerCount, listSlots, type Slot, stacksOf } from './layers.js'
import type { Method } from './mergekit.js'
import type { PassOver } from './mergekit-file.js'
import type { MergeModel, MergeModels } from './open.js'
import { checkLevels } from './parameters.js'
import { type Choices, planAlone, planTensor, type TensorMerge } from './plan-tensor.js'
import { noteKeys } from './read.js'
import type { MergeFile } from './schema.js'
import { checkUniform, chooseMethod } from './settings.js'
import { countDraws, readArithmetic } from './stored.js'

export interface MergePlan {
  method: string
  merger: Merger
  convention: Convention
  seed: number
  base: MergeModel | null
  /** Where names, config and tokenizer come from. */
  reference: MergeModel
  tensors: TensorMerge[]
  layers: number
  /** config.json of the result. */
  config: Record<string, unknown> | null
  /** What that config.json cannot say. */
  warnings: string[]
  /** Sentences about parameters that are passed over, as mergekit does. */
  notes: string[]
}

/** @throws UserError with the path in the file of what is wrong */
export function planMerge(config: MergeFile, models: MergeModels, registry: Registry = BUILT_IN): MergePlan {
  const choices = readChoices(config, models, registry)
  const { method, merger, convention, base } = choices
  const { contract } = method
  const listed = listRuns(config, models, registry)
  const runs = listed.map((run) =>
    contract
      ? chooseAsMergekit(run, { ...method, contract })
      : chooseSources(run, merger, run.base === undefined ? null : models.of(run.base)),
  )
  for (const [r, run] of runs.entries()) checkSources(run, merger, listed[r]!.path)

  const slotsOf = (names: (run: LayerRun) => string[]): Slot[] =>
    listSlots(
      runs.map((run) => ({
        names: names(run),
        config: run.reference.model.checkpoint.config,
        reference: run.reference.range,
        sources: run.sources.map(({ range }) => range),
      })),
    )
  const slots = slotsOf(namesIn)
  const { passOver, notes } = noteKeys()
  checkParameters(runs, method, slots, contract && passOver)
  if (contract) noteLastSlice(listed, passOver)
  const unmatched = findUnmatched(slots, runs, config.ignore_unmatched || (contract ? 'left' : false))
  const merged = slots.filter((slot) => !unmatched.slots.has(slot))
  const data = dataOf(merger)
  if (data) checkData(merged, runs, data)
  const planned = new Map(merged.map((slot) => [slot, planTensor(slot, runs[slot.run]!, choices)]))
  checkUniform([...planned.values()], method.name)
  const tensors = countDraws(
    [...slots, ...slotsOf(buffersIn)].map((slot) => planned.get(slot) ?? planAlone(slot, runs[slot.run]!, choices)),
  )

  const reference = base ?? runs[0]!.reference.model
  const origins = runs.flatMap(originsOf)
  return {
    method: method.name,
    merger,
    convention,
    seed: config.seed,
    base,
    reference,
    tensors,
    layers: origins.length,
    notes: [
      ...notes(),
      ...(contract ? noteExperts(tensors) : []),
      ...(tensors.some(({ averaged }) => averaged)
        ? ['statistics of batch norms (running_mean, running_var) are the mean of the models']
        : []),
      ...(unmatched.problems.length ? [`not merged: ${unmatched.problems.join('; ')}`] : []),
    ],
    ...(config.slices
      ? within(['slices'], () => configOf(reference, origins, tensors))
      : { config: reference.checkpoint.config, warnings: [] }),
  }
}

function readChoices(config: MergeFile, models: MergeModels, registry: Registry): Choices {
  const method = chooseMethod(config, registry)
  const merger = registry.merger(method.merger)
  const usual = config.merge_method !== undefined && merger.conventions.includes('mergekit') ? 'mergekit' : 'paper'
  return {
    ...readArithmetic(config, method, config.convention ?? usual),
    merger,
    base: config.base_model === undefined ? null : models.of(config.base_model),
  }
}

/** The layers of the result that a run of them makes. */
function originsOf({ reference: { model, range } }: LayerRun): Origin[] {
  const { checkpoint, label } = model
  const [first, end] = range
  return Array.from({ length: end - first }, (_, i) => ({ config: checkpoint.config, label, layer: first + i }))
}

/** config.json for other layers, or layers of other models. */
function configOf(
  { checkpoint }: MergeModel,
  origins: readonly Origin[],
  tensors: readonly TensorMerge[],
): Pick<MergePlan, 'config' | 'warnings'> {
  const layers = layerCount(checkpoint)
  const stacks = stacksOf(checkpoint)
  if (isMoved(origins, layers)) checkPlaces(checkpoint, origins)
  if (isMoved(origins, layers) && new Set(stacks.values()).size > 1) {
    const counts = [...stacks].map(([prefix, count]) => `${count} in ${prefix}`).join(', ')
    throw new UserError(`cannot say which layers are meant of a model with several stacks of them: ${counts}`)
  }
  const warnings = warnOfRows(tensors)
  const config = checkpoint.config && followLayers(checkpoint.config, layers, origins, (text) => warnings.push(text))
  return { config, warnings }
}

/** mergekit 0.1.5 merges norm and head of as many models of the last slice as the first slice has (findings/mergekit-last-slice-is-cut.sh). */
function noteLastSlice(listed: readonly ListedRun[], passOver: PassOver): void {
  const [first, last] = [listed[0]!.all.length, listed.at(-1)!.all.length]
  if (last > first)
    passOver(
      listed.at(-1)!.path,
      `what stands behind the layers is merged of its ${last} models; mergekit 0.1.5 takes only the first ${first}, as many as the first slice has`,
    )
}

/** transformers 5, and mergekit 0.1.5 with it, stack the experts of a layer while they read them. */
const noteExperts = (tensors: readonly TensorMerge[]): string[] =>
  tensors.some(({ name }) => /\.experts\.\d+\./.test(name))
    ? [
        'each matrix of an expert is merged by itself, under its name in the files; mergekit 0.1.5 stacks the experts of a layer in mlp.experts.gate_up_proj and mlp.experts.down_proj where transformers does: its filters see these names, and its trims, angles and thresholds are those of the stack',
      ]
    : []

/** A model may have parameters of models; a slice and the file those of the merge too. */
function checkParameters(
  runs: readonly LayerRun[],
  { name, model, options }: Method,
  slots: readonly Slot[],
  passOver: PassOver | undefined,
): void {
  const [ofModel, ofMerge] = [Object.keys(model.shape), Object.keys(options.shape)]
  const tensors = slots.flatMap(({ name: merged, sources }) => [merged, ...sources])
  const all = runs.flatMap(({ sources }) => sources.map(({ levels }) => levels))
  const outer = ofMerge.filter((parameter) => !ofModel.includes(parameter))
  checkLevels(
    all.flatMap((levels) => levels.slice(0, 1)),
    { names: ofModel, owner: `a model of ${name}`, outer },
    tensors,
    passOver,
  )
  const others = new Set(all.flatMap((levels) => levels.slice(1)))
  checkLevels([...others], { names: [...ofModel, ...ofMerge], owner: name }, tensors, passOver)
}
