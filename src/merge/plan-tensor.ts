// One tensor of a merge: its inputs, the options there, its format, and whether it is merged, copied or computed as mergekit does.
import { z } from 'zod'
import { isFloating, type PlannedTensor, WRITABLE } from '../checkpoint/index.js'
import type { Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { mergekitPassthrough } from '../mergekit/index.js'
import type { Merger, Merging } from '../mergers/index.js'
import { BUILT_IN } from '../registry/index.js'
import type { LayerRun } from './layer-runs.js'
import type { Slot } from './layers.js'
import type { MergeModel } from './open.js'
import { type Settings, settingsAt } from './settings.js'
import { isMeant, leavesModels, takesDeltas } from './statistics.js'
import { type ArithmeticChoice, computeFormat, type StoredMerge } from './stored.js'

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

/** What a file says of the whole merge. */
export interface Choices extends ArithmeticChoice {
  merger: Merger
  base: MergeModel | null
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

export function planTensor(slot: Slot, run: LayerRun, choices: Choices): TensorMerge {
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
export function planAlone(slot: Slot, run: LayerRun, choices: Choices): TensorMerge {
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
