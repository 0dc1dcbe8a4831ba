// A merge file and the headers of its models → every tensor of the result with its inputs and options; all that can be wrong
// is said here, before a weight is read.
import { isFloating, WRITABLE, type PlannedTensor, type WritableDtype } from '../checkpoint/index.js'
import type { Step } from '../editors/index.js'
import { mergerNamed, type Convention, type Merger, type Merging } from '../mergers/index.js'
import { baseName, checkShapes, namesOf } from './fit.js'
import { listSlots, type Slot } from './layers.js'
import type { Model, Models } from './open.js'
import { checkLevels, type ErrorAt } from './parameters.js'
import { checkParts, chooseSources, listRuns, type Part } from './runs.js'
import type { MergeFile } from './schema.js'
import { checkUniform, chooseMethod, settingsAt } from './settings.js'

/** One model's part in a tensor. */
export interface Source {
  model: Model
  /** Name of the tensor in that model. */
  name: string
  steps: Step[]
  /** Folder with what the merger needs besides weights. */
  data?: Model
}

export interface TensorMerge extends PlannedTensor {
  /** The same tensor of the base; null when the merge has none. */
  base: { model: Model; name: string } | null
  sources: Source[]
  /** null for a tensor that holds no weights: it is copied from the first source. */
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
}

const DTYPES = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const

/** @throws UserError with file, line and column */
export function planMerge(config: MergeFile, models: Models, errorAt: ErrorAt): MergePlan {
  const method = chooseMethod(config, errorAt)
  const merger = mergerNamed(method.merger)
  const usual = config.merge_method !== undefined && merger.conventions.includes('mergekit') ? 'mergekit' : 'paper'
  const convention = config.convention ?? usual
  const base = config.base_model === undefined ? null : models.of(config.base_model)
  const runs = listRuns(config, models, errorAt).map((parts) => chooseSources(parts, merger, base, errorAt))
  for (const [r, parts] of runs.entries()) checkParts(parts, merger, base, config.slices ? ['slices', r] : ['models'], errorAt)

  const reference = base ?? runs[0][0].model
  const slots = listSlots(
    runs.map((parts) => ({ ranges: parts.map(({ range }) => range) })),
    namesOf(reference),
  )
  checkParameters(runs, Object.keys(method.model.shape), Object.keys(method.options.shape), method.name, slots, errorAt)
  checkShapes(slots, runs, base, reference)

  const dtype = config.out_dtype ?? config.dtype
  const tensors = slots.map((slot): TensorMerge => {
    const parts = runs[slot.run]
    const ownName = base ? baseName(slot, parts, base) : slot.names[0]
    const { shape, dtype: stored } = reference.checkpoint.tensors.get(ownName)!
    const settings = isFloating(stored) ? settingsAt(slot, parts, { method, merger, convention, errorAt }) : null
    return {
      name: slot.name,
      shape,
      dtype: plannedDtype(stored, dtype && DTYPES[dtype]),
      merging: settings && settings.merging,
      base: base && { model: base, name: ownName },
      sources: parts.map(({ model, steps, data }, i) => ({
        model,
        name: slot.names[i],
        steps: [...steps, ...(settings?.steps[i] ?? [])],
        data,
      })),
    }
  })
  checkUniform(tensors, method.name)
  const layers = runs.reduce(
    (
      sum,
      [
        {
          range: [first, end],
        },
      ],
    ) => sum + end - first,
    0,
  )
  return { method: method.name, merger, convention, seed: config.seed, base, reference, tensors, layers }
}

/** A model may have parameters of models; a slice and the file those of the merge too. */
function checkParameters(runs: Part[][], ofModel: string[], ofMerge: string[], method: string, slots: Slot[], errorAt: ErrorAt): void {
  const own = runs.flat().map(({ levels }) => levels[0])
  const outer = [...new Set(runs.flat().flatMap(({ levels }) => levels.slice(1)))]
  checkLevels(own, ofModel, `a model of ${method}`, slots, errorAt)
  checkLevels(outer, [...ofModel, ...ofMerge], method, slots, errorAt)
}

function plannedDtype(stored: string, wanted: WritableDtype | undefined): string {
  if (!isFloating(stored)) return stored
  return wanted ?? ((WRITABLE as readonly string[]).includes(stored) ? stored : 'F32')
}
