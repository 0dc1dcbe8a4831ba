// A merge file and the headers of its models → every tensor of the result with its inputs and options; all that can be wrong
// is said here, before a weight is read.
import { isFloating, type PlannedTensor, WRITABLE, type WritableDtype } from '../checkpoint/index.js'
import type { Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { type Convention, type Merger, type Merging, mergerNamed } from '../mergers/index.js'
import { checkData, checkShapes, namesOf } from './fit.js'
import { followLayers, isMoved, type Origin } from './layer-config.js'
import { layerCount, listSlots, type Slot, stacksOf } from './layers.js'
import type { Model, Models } from './open.js'
import { checkLevels, type ErrorAt } from './parameters.js'
import { checkParts, chooseSources, type LayerRun, listRuns } from './runs.js'
import type { MergeFile } from './schema.js'
import { checkUniform, chooseMethod, settingsAt } from './settings.js'

/** One model's part in a tensor. */
export interface Source {
  model: Model
  /** Name of the tensor in that model. */
  name: string
  steps: Step[]
  /** Folder with what the merger needs besides weights. */
  data?: Model | undefined
}

export interface TensorMerge extends PlannedTensor {
  /** The same tensor of the base; null when the merge needs none. */
  base: { model: Model; name: string } | null
  sources: Source[]
  /** null for a tensor that is copied from the first source as it stands: one that holds no weights, or F64 that no step changes. */
  merging: Merging | null
}

export interface MergePlan {
  method: string
  merger: Merger
  convention: Convention
  seed: number
  base: Model | null
  /** Where names, config and tokenizer come from. */
  reference: Model
  tensors: TensorMerge[]
  layers: number
  /** config.json of the result. */
  config: Record<string, unknown> | null
  /** What it could not say. */
  warnings: string[]
}

const DTYPES = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const

/** @throws UserError with file, line and column */
export function planMerge(config: MergeFile, models: Models, errorAt: ErrorAt): MergePlan {
  const method = chooseMethod(config, errorAt)
  const merger = mergerNamed(method.merger)
  const usual = config.merge_method !== undefined && merger.conventions.includes('mergekit') ? 'mergekit' : 'paper'
  const convention = config.convention ?? usual
  const base = config.base_model === undefined ? null : models.of(config.base_model)
  const runs = listRuns(config, models, errorAt).map((parts) =>
    chooseSources(parts, merger, base, config.merge_method !== undefined, errorAt),
  )
  for (const [r, run] of runs.entries())
    checkParts(run, merger, base, config.slices ? ['slices', r] : ['models'], errorAt)

  const slots = listSlots(
    runs.map(({ parts, reference }) => ({
      names: namesOf(reference.model),
      ranges: [reference, ...parts].map(({ range }) => range),
    })),
  )
  checkParameters(runs, Object.keys(method.model.shape), Object.keys(method.options.shape), method.name, slots, errorAt)
  checkShapes(slots, runs)
  if (merger.data) checkData(slots, runs, merger.data, errorAt)

  const wanted = config.out_dtype ?? config.dtype
  const tensors = slots.map((slot): TensorMerge => {
    const { parts, reference } = runs[slot.run]!
    const [ownName = '', ...names] = slot.names
    const { shape, dtype } = reference.model.checkpoint.tensors.get(ownName)!
    const settings = isFloating(dtype) ? settingsAt(slot, parts, { method, merger, convention, errorAt }) : null
    const stepsOf = (i: number): Step[] => [...parts[i]!.steps, ...(settings?.steps[i] ?? [])]
    const sources = parts.map(({ model, data }, i) => ({ model, name: names[i]!, steps: stepsOf(i), data }))
    const subtracts = merger.input !== 'weights' || sources.some(({ steps }) => steps.length)
    const compared = base && subtracts ? { model: base, name: ownName } : null
    const formatOf = ({ model, name }: Pick<Source, 'model' | 'name'>) => model.checkpoint.tensors.get(name)!.dtype
    const own = formatOf(sources[0]!)
    const merging =
      settings && !(own === 'F64' && !wanted && passesOn(settings.merging, sources)) ? settings.merging : null
    return {
      name: slot.name,
      shape,
      dtype: merging
        ? mergedDtype([...(compared ? [compared] : []), ...sources].map(formatOf), wanted && DTYPES[wanted])
        : own,
      base: compared,
      sources,
      merging,
    }
  })
  checkUniform(tensors, method.name)
  const { model: reference } = runs[0]!.reference
  const origins = runs.flatMap(
    ({
      reference: {
        model: { checkpoint, label },
        range: [first, end],
      },
    }) =>
      Array.from({ length: end - first }, (_, i): Origin => ({ config: checkpoint.config, label, layer: first + i })),
  )
  return {
    method: method.name,
    merger,
    convention,
    seed: config.seed,
    base,
    reference,
    tensors,
    layers: origins.length,
    ...(config.slices ? configOf(reference, origins, errorAt) : { config: reference.checkpoint.config, warnings: [] }),
  }
}

/** config.json for other layers, or layers of other models. */
function configOf(
  { checkpoint }: Model,
  origins: readonly Origin[],
  errorAt: ErrorAt,
): Pick<MergePlan, 'config' | 'warnings'> {
  const layers = layerCount(checkpoint)
  const stacks = stacksOf(checkpoint)
  if (isMoved(origins, layers) && new Set(stacks.values()).size > 1) {
    const counts = [...stacks].map(([prefix, count]) => `${count} in ${prefix}`).join(', ')
    throw errorAt(['slices'], `cannot say which layers are meant of a model with several stacks of them: ${counts}`)
  }
  const warnings: string[] = []
  try {
    const config = checkpoint.config && followLayers(checkpoint.config, layers, origins, (text) => warnings.push(text))
    return { config, warnings }
  } catch (error) {
    throw error instanceof UserError ? errorAt(['slices'], error.message) : error
  }
}

/** A model may have parameters of models; a slice and the file those of the merge too. */
function checkParameters(
  runs: LayerRun[],
  ofModel: string[],
  ofMerge: string[],
  method: string,
  slots: Slot[],
  errorAt: ErrorAt,
): void {
  const all = runs.flatMap(({ parts }) => parts.map(({ levels }) => levels))
  const own = all.map(([first]) => first!)
  const outer = [...new Set(all.flatMap(([, ...others]) => others))]
  checkLevels(
    own,
    ofModel,
    `a model of ${method}`,
    slots,
    errorAt,
    ofMerge.filter((name) => !ofModel.includes(name)),
  )
  checkLevels(outer, [...ofModel, ...ofMerge], method, slots, errorAt)
}

/**
 * What torch.promote_types makes of all that takes part, the base too, as mergekit 0.1.5 does for every method: formats that differ
 * meet in F32. Every operation is in float32 here, so that F64 is written as F32.
 */
function mergedDtype([first, ...others]: readonly string[], wanted: WritableDtype | undefined): string {
  return (
    wanted ??
    (others.every((format) => format === first) && (WRITABLE as readonly string[]).includes(first!) ? first! : 'F32')
  )
}

/** Whether the one source comes out as it went in. */
const passesOn = (merging: Merging, [source]: readonly Source[]): boolean =>
  merging.merger.name === 'passthrough' &&
  !source?.steps.length &&
  merging.models.every((model) => (model as { scale?: number }).scale === 1)
