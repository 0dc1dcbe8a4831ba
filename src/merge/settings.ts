// The merger's options and the editors at one tensor, after filters and gradients.
import type { Step } from '../editors/index.js'
import { nearest, type Path, UserError, unknown, within } from '../errors/index.js'
import { type Convention, type Merger, type Merging, needsModels, parseMerging } from '../mergers/index.js'
import type { Registry } from '../registry/index.js'
import { factsOf, type OptionsSchema, parseWith } from '../schema/index.js'
import type { LayerSource } from './layer-runs.js'
import type { Slot } from './layers.js'
import { type Method, methodNamed, methods } from './mergekit.js'
import { type FoundValues, type Level, resolveParameters } from './parameters.js'
import type { MergeFile } from './schema.js'

/** The method that a file names: mergekit's, or a merger as it is. */
export function chooseMethod({ merge_method: method, merger }: MergeFile, registry: Registry): Method {
  if (method !== undefined && merger === undefined) return within(['merge_method'], () => methodOf(method, registry))
  if (merger === undefined || method !== undefined)
    throw new UserError('either `merge_method` (of mergekit) or `merger` (of deltalab mergers) is needed', { path: [] })
  const { name, modelOptions, options } = within(['merger'], () => registry.merger(merger))
  return { name, merger: name, model: modelOptions, options }
}

/** @throws UserError for an unknown method; for the name of a merger, with the key that is meant */
function methodOf(name: string, { mergers }: Registry): Method {
  const isMethod = methods.some((method) => method.name === name)
  if (!isMethod && mergers.some((merger) => merger.name === name))
    throw new UserError(`${name} is a merger of deltalab, not a method of mergekit: write \`merger: ${name}\``)
  return methodNamed(name)
}

/** What a method does at one tensor. */
export interface Settings {
  merging: Merging
  /** The editors that the method puts before it, for each source. */
  steps: Step[][]
  /** Options of the merge and of each source, as the method names them. */
  options: object
  models: object[]
}

/** Options of the merge and of each source, and the editors that the method puts before it. */
export function settingsAt(
  slot: Slot,
  sources: readonly LayerSource[],
  { method, merger, convention }: { method: Method; merger: Merger; convention: Convention },
): Settings {
  const { path: first, levels } = sources[0]!
  // Parameters of the whole merge are those of a slice or the top: the outer levels, the same for every source.
  const ofMerge = resolveParameters(levels.slice(1), method.options.shape, slot)
  // Filters of a model look at the name that the tensor has there.
  const ofModels = sources.map((source, i) =>
    resolveParameters(source.levels, method.model.shape, { name: slot.sources[i]!, t: slot.t }),
  )
  const parse = (schema: OptionsSchema, found: FoundValues, given: readonly Level[], otherwise: Path) => {
    refuseSlips(method, schema, found, given)
    return within(placeIn(found, otherwise), () => parseWith(schema, plainValues(found), method.name))
  }
  const options = parse(method.options, ofMerge, levels.slice(1), ['parameters'])
  const models = ofModels.map((found, i) => parse(method.model, found, sources[i]!.levels, sources[i]!.path))
  const inFile = ([whose, ...path]: Path): Path => {
    if (whose === 'convention') return [whose]
    if (whose === 'options') return placeIn(ofMerge, first)(path)
    return whose === 'models' ? placeIn(ofModels[Number(path[0])]!, first)(path.slice(1)) : first
  }
  const merging = within(inFile, () => {
    const parsed = parseMerging(merger, {
      convention: followed(merger, convention),
      options: method.toOptions ? method.toOptions(options) : options,
      models: models.map((model) => (method.toModel ? method.toModel(model, options) : model)),
    })
    if (merger.gating?.routed(parsed.options))
      throw new UserError(
        'gates: routed gives every prompt weights of its own, and a merge writes one model: `deltalab route` finds the gates of a task',
        { path: ['options', 'gates'] },
      )
    return parsed
  })
  const steps = models.map((model, i) =>
    within(
      () => sources[i]!.path,
      () => [method.toStep?.(model, options, convention) ?? []].flat(),
    ),
  )
  return { merging, steps, options, models }
}

/** A required option that nothing gives may be there, misspelt. @throws UserError at what is close to its name, and known to nobody */
function refuseSlips(
  { name, model, options }: Method,
  schema: OptionsSchema,
  found: FoundValues,
  levels: readonly Level[],
) {
  const missing = factsOf(schema).flatMap((fact) => (fact.required && !found.has(fact.name) ? [fact.name] : []))
  if (missing.length === 0) return
  for (const { path, parameters } of levels) {
    const isSlip = (key: string) => !(key in model.shape || key in options.shape) && nearest(key, missing) !== undefined
    const slip = Object.keys(parameters).find(isSlip)
    if (slip !== undefined) throw unknown(`parameter of ${name}`, slip, missing).at(...path, slip)
  }
}

/** A merger has the same numbers in both releases of mergekit; what differs are editors and formats. */
const followed = ({ conventions }: Merger, convention: Convention): Convention =>
  convention === 'mergekit-0.1.4' && conventions.includes('mergekit') ? 'mergekit' : convention

const plainValues = (values: FoundValues): Record<string, unknown> =>
  Object.fromEntries([...values].map(([name, { value }]) => [name, value]))

/** The path of an option → the path in the file of what gave its value; `otherwise` where nothing did. */
const placeIn =
  (values: FoundValues, otherwise: Path) =>
  ([option]: Path): Path =>
    values.get(String(option))?.path ?? otherwise

/** A scan reads the whole models at once: its options cannot differ from tensor to tensor. */
export function checkUniform(tensors: { merging: Merging | null }[], method: string): void {
  const settings = tensors.flatMap(({ merging }) =>
    merging && needsModels(merging) ? [JSON.stringify([merging.options, merging.modelOptions])] : [],
  )
  if (new Set(settings).size < 2) return
  throw new UserError(
    `${method}: with this convention the method looks at the whole model, so its parameters cannot have gradients or filters ` +
      '(in ties, granularity: tensor allows them)',
  )
}
