// The merger's options and the editors at one tensor, after filters and gradients.
import type { Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { type Convention, type Merger, type Merging, mergerNamed, needsSurvey, parseMerging } from '../mergers/index.js'
import { parseWith } from '../schema/index.js'
import type { Slot } from './layers.js'
import { type Method, methodNamed } from './mergekit.js'
import { type ErrorAt, type Found, type Path, resolve } from './parameters.js'
import type { Part } from './runs.js'
import type { MergeFile } from './schema.js'

/** The method that a file names: mergekit's, or a merger as it is. */
export function chooseMethod({ merge_method: method, merger }: MergeFile, errorAt: ErrorAt): Method {
  if ((method === undefined) === (merger === undefined)) {
    throw errorAt([], 'either `merge_method` (of mergekit) or `merger` (of deltalab mergers) is needed')
  }
  try {
    if (method !== undefined) return methodNamed(method)
    const { name, modelOptions, options } = mergerNamed(merger!)
    return { name, merger: name, model: modelOptions, options }
  } catch (error) {
    throw error instanceof UserError
      ? errorAt([method === undefined ? 'merger' : 'merge_method'], error.message)
      : error
  }
}

interface How {
  method: Method
  merger: Merger
  convention: Convention
  errorAt: ErrorAt
}

type Values = Map<string, Found>

/** Options of the merge and of each source, and the editors that the method puts before it. */
export function settingsAt(
  slot: Slot,
  parts: Part[],
  { method, merger, convention, errorAt }: How,
): { merging: Merging; steps: Step[][] } {
  // What is said once for the merge stands in a slice or at the top: the outer levels, the same for every source.
  const common = resolve(parts[0]!.levels.slice(1), Object.keys(method.options.shape), slot)
  const own = parts.map(({ levels }) => resolve(levels, Object.keys(method.model.shape), slot))
  const raw = (values: Values) => Object.fromEntries([...values].map(([name, { value }]) => [name, value]))

  const options = locate([common], ['parameters'], errorAt, () => parseWith(method.options, raw(common), method.name))
  const models = own.map((values, i) =>
    locate([values], parts[i]!.path, errorAt, () => parseWith(method.model, raw(values), method.name)),
  )
  return locate([...own, common], parts[0]!.path, errorAt, () => {
    const merging = parseMerging(merger, {
      convention,
      options: method.toOptions ? method.toOptions(options) : options,
      models: models.map((model) => (method.toModel ? method.toModel(model, options) : model)),
    })
    if (merger.gating?.routed(merging.options)) {
      throw new UserError(
        'gates: routed gives every prompt weights of its own, and a merge writes one model: `deltalab route` finds the gates of a task',
      )
    }
    return { merging, steps: models.map((model) => [method.toStep?.(model, options, convention) ?? []].flat()) }
  })
}

/** Runs `work`; an error that names one of the values is placed where that value stands in the file. */
function locate<T>(values: Values[], path: Path, errorAt: ErrorAt, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const named = values.flatMap((map) => [...map]).find(([name]) => new RegExp(`\\b${name}\\b`).test(error.message))
    throw errorAt(named?.[1].path ?? path, error.message)
  }
}

/** A survey reads the whole models at once: its options cannot differ from tensor to tensor. */
export function checkUniform(tensors: { merging: Merging | null }[], method: string): void {
  const settings = tensors.flatMap(({ merging }) =>
    merging && needsSurvey(merging) ? [JSON.stringify([merging.options, merging.models])] : [],
  )
  if (new Set(settings).size < 2) return
  throw new UserError(
    `${method}: with this convention the method looks at the whole model, so its parameters cannot have gradients or filters ` +
      '(in ties, granularity: tensor allows them)',
  )
}
