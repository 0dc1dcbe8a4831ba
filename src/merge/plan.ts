// A merge file and the headers of its models → every tensor of the result with its inputs and options; all that can be wrong
// is said here, before a weight is read.
import { z } from 'zod'
import { isFloating, type PlannedTensor, WRITABLE } from '../checkpoint/index.js'
import type { Step } from '../editors/index.js'
import { UserError, within } from '../errors/index.js'
import { mergekitPassthrough } from '../mergekit/index.js'
import { type Convention, dataOf, type Merger, type Merging } from '../mergers/index.js'
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
import { noteKeys } from './read.js'
import type { MergeFile } from './schema.js'
import { checkUniform, chooseMethod, type Settings, settingsAt } from './settings.js'
import { isMeant, leavesModels, takesDeltas } from './statistics.js'
import { type ArithmeticChoice, computeFormat, countDraws, readArithmetic, type StoredMerge } from './stored.js'

/** One model's part in a tensor. */
export interface MergeSource {
  model: MergeModel
  /** Name of the tensor in that model. */
  name: string
  steps: Step[]
  /** Folder with what the merger needs besides weights. */
  data: MergeModel | undefined
}

export interface TensorMerge extends PlannedTensor {
  /** The same tensor of the base; null when the merge needs none. */
  base: Pick<MergeSource, 'model' | 'name'> | null
  sources: MergeSource[]
  /** null for a tensor that is copied from the first source as it stands: one that holds no weights, or F64 that no step changes. */
  merging: Merging | null
  /** Where mergekit's own operations are meant, how these go; they take the place of `merging` and of the method's editors. */
  stored: StoredMerge | null
  /** Whether it is a statistic that is the mean of the models, whatever the method. */
  averaged: boolean
}

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

/** What a file says of the whole merge. */
interface Choices extends ArithmeticChoice {
  merger: Merger
  base: MergeModel | null
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

/** A merger with its usual options, whatever the file says. */
const plainly = (name: string) =>
  ({
    method: { name, merger: name, model: z.strictObject({}), options: z.strictObject({}) },
    merger: BUILT_IN.merger(name),
    convention: 'paper',
  }) as const

/** How a base comes out that nothing is merged with. */
const PASSED_ON = plainly('passthrough')
/** How statistics of batch norms come out where the method could make a variance negative. */
const AVERAGED = plainly('average')

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

function planTensor(slot: Slot, run: LayerRun, choices: Choices): TensorMerge {
  const { method, merger, convention, dtype: computed, outDtype } = choices
  const wanted = outDtype ?? computed
  const { shape, dtype } = run.reference.model.checkpoint.tensors.get(slot.reference)!
  const chosen = run.alone ? PASSED_ON : { method, merger, convention }
  const settingsOf = (choice: typeof chosen) => settingsAt(slot, run.sources, choice)
  const averaged =
    !run.alone &&
    isFloating(dtype) &&
    isMeant(slot.name, choices) &&
    (takesDeltas(run, merger) || leavesModels(settingsOf(chosen).merging))
  const settings = isFloating(dtype) ? settingsOf(averaged ? AVERAGED : chosen) : null
  const sources = run.sources.map(({ model, steps, data }, i) => ({
    model,
    name: slot.sources[i]!,
    steps: averaged ? [] : [...steps, ...(settings?.steps[i] ?? [])],
    data,
  }))
  const { merger: used } = averaged ? AVERAGED : chosen
  const subtracts = used.input !== 'weights' || sources.some(({ steps }) => steps.length)
  const compared = run.base && subtracts ? { model: run.base, name: slot.reference } : null
  const formatOf = ({ model, name }: Pick<MergeSource, 'model' | 'name'>) => model.checkpoint.tensors.get(name)!.dtype
  const own = formatOf(sources[0]!)
  const formats = [...(compared ? [compared] : []), ...sources].map(formatOf)
  const copied = settings === null || (own === 'F64' && !wanted && passesOn(settings.merging, sources))
  const stored = settings && !averaged ? storedAt(choices, settings, run, formats) : null
  const exact = wanted ?? (followsBase(choices) && compared ? formatOf(compared) : mergedDtype(formats))
  return {
    name: slot.name,
    shape,
    dtype: copied ? own : stored ? (outDtype ?? stored.formatOf?.(stored.compute) ?? stored.compute) : exact,
    base: compared,
    sources,
    merging: copied ? null : settings.merging,
    stored: copied ? null : stored,
    averaged,
  }
}

/** A tensor that the other models do not have, or not in this shape: that of the reference. */
function planAlone(slot: Slot, run: LayerRun, choices: Choices): TensorMerge {
  const source = { ...run.sources[0]!, ...run.reference, levels: [], steps: [], data: undefined }
  const alone = { ...run, base: null, sources: [source], alone: true }
  return planTensor({ ...slot, sources: [slot.reference] }, alone, choices)
}

/** How mergekit's own operations go at a tensor, where they are meant. */
function storedAt(choices: Choices, settings: Settings, run: LayerRun, formats: readonly string[]): StoredMerge | null {
  const compute = computeFormat(choices, formats)
  if (!compute) return null
  const edited = run.sources.find(({ steps }) => steps.length)
  if (edited)
    throw new UserError(
      choices.stored
        ? 'arithmetic: stored is what mergekit computes, and mergekit has no editors'
        : 'editors compute in float32, and this file computes in float64: give dtype: float32',
      { path: [...edited.path, 'editors'] },
    )
  const { options, models } = settings
  // A base that nothing is merged with comes out as it is.
  const method = run.alone ? mergekitPassthrough : choices.method.stored!
  return { ...method, compute, options, models, drawn: 0 }
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

/** In mergekit 0.1.4 the family of task arithmetic computed in the base's format. */
const followsBase = ({ merger, convention }: Choices): boolean =>
  convention === 'mergekit-0.1.4' && (merger.name === 'ties' || merger.name === 'task_arithmetic')

/**
 * What torch.promote_types makes of all that takes part, the base too, as mergekit 0.1.5 does for every method: formats that differ
 * meet in F32. Every operation is in float32 here, so that F64 is written as F32.
 */
const mergedDtype = ([first, ...others]: readonly string[]): string =>
  others.every((format) => format === first) && WRITABLE.some((format) => format === first) ? first! : 'F32'

/** Whether the one source comes out as it went in. */
const passesOn = (merging: Merging, sources: readonly MergeSource[]): boolean =>
  merging.merger.name === 'passthrough' &&
  !sources.some(({ steps }) => steps.length) &&
  merging.modelOptions.every(({ scale }) => scale === 1)
