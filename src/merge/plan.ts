// A merge file and the headers of its models → every tensor of the result with its inputs and options; all that can be wrong
// is said here, before a weight is read.
import { isFloating, WRITABLE, type PlannedTensor, type WritableDtype } from '../checkpoint/index.js'
import { editorNamed, parseOptions, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { parseWith } from '../errors/options.js'
import { mergerNamed, needsSurvey, parseMerging, type Convention, type Merger, type Merging } from '../mergers/index.js'
import { layerCount, listSlots, type Slot } from './layers.js'
import { methodNamed, type Method } from './mergekit.js'
import type { Model, Models } from './open.js'
import { checkLevels, resolve, type ErrorAt, type Level, type Path } from './parameters.js'
import type { MergeFile } from './schema.js'

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

/** A source of a run of layers, with the levels of its parameters from the nearest outwards. */
interface Part {
  path: Path
  model: Model
  range: readonly [number, number]
  levels: Level[]
  steps: Step[]
  data?: Model
}

const DTYPES = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const

/** @throws UserError with file, line and column */
export function planMerge(config: MergeFile, models: Models, errorAt: ErrorAt): MergePlan {
  const method = chooseMethod(config, errorAt)
  const merger = mergerNamed(method.merger)
  const convention = config.convention ?? (config.merge_method === undefined || !merger.conventions.includes('mergekit') ? 'paper' : 'mergekit')
  const base = config.base_model === undefined ? null : models.of(config.base_model)
  const runs = listRuns(config, models, errorAt).map((parts) => chooseSources(parts, merger, base, errorAt))
  for (const [r, parts] of runs.entries()) checkParts(parts, merger, base, ['slices', r], errorAt)

  const reference = base ?? runs[0][0].model
  const slots = listSlots(runs.map((parts) => ({ ranges: parts.map(({ range }) => range) })), namesOf(reference))
  const [ofModel, ofMerge] = [Object.keys(method.model.shape), Object.keys(method.options.shape)]
  const [own, outer] = [runs.flat().map(({ levels }) => levels[0]), [...new Set(runs.flat().flatMap(({ levels }) => levels.slice(1)))]]
  checkLevels(own, ofModel, `a model of ${method.name}`, slots, errorAt)
  checkLevels(outer, [...ofModel, ...ofMerge], method.name, slots, errorAt)
  checkShapes(slots, runs, base, reference)

  const wanted = config.out_dtype ?? config.dtype
  const tensors = slots.map((slot): TensorMerge => {
    const parts = runs[slot.run]
    const inReference = reference.checkpoint.tensors.get(base ? baseName(slot, parts, base) : slot.names[0])!
    const floating = isFloating(inReference.dtype)
    const { merging, steps } = floating ? mergingAt(slot, parts, { method, merger, convention, errorAt }) : { merging: null, steps: parts.map(() => []) }
    return {
      name: slot.name, shape: inReference.shape, dtype: floating ? plannedDtype(inReference.dtype, wanted && DTYPES[wanted]) : inReference.dtype, merging,
      base: base && { model: base, name: baseName(slot, parts, base) },
      sources: parts.map(({ model, steps: own, data }, i) => ({ model, name: slot.names[i], steps: [...own, ...steps[i]], data })),
    }
  })
  checkUniform(tensors, method.name)
  return { method: method.name, merger, convention, seed: config.seed, base, reference, tensors, layers: runs.reduce((sum, [{ range }]) => sum + range[1] - range[0], 0) }
}

function chooseMethod({ merge_method: method, merger }: MergeFile, errorAt: ErrorAt): Method {
  if ((method === undefined) === (merger === undefined)) throw errorAt([], 'either `merge_method` (of mergekit) or `merger` (of deltalab mergers) is needed')
  try {
    if (method !== undefined) return methodNamed(method)
    const { name, modelOptions, options } = mergerNamed(merger!)
    return { name, merger: name, model: modelOptions, options }
  } catch (error) {
    throw error instanceof UserError ? errorAt([method === undefined ? 'merger' : 'merge_method'], error.message) : error
  }
}

/** The runs of layers with their sources; `models` is one run of all layers. */
function listRuns({ models: list, slices, parameters = {} }: MergeFile, models: Models, errorAt: ErrorAt): Part[][] {
  if ((list === undefined) === (slices === undefined)) throw errorAt([], 'either `models` or `slices` is needed')
  const whole: Level = { path: ['parameters'], parameters }
  if (list) {
    return [list.map((entry, i) => {
      const [path, model] = [['models', i], models.of(entry.model)]
      const level = { path: [...path, 'parameters'], parameters: entry.parameters ?? {} }
      const steps = (entry.editors ?? []).map((each, j) => readEditor(each, [...path, 'editors', j], errorAt))
      return { path, model, range: [0, layerCount(model.checkpoint)] as const, levels: [level, whole], steps, data: entry.data === undefined ? undefined : models.of(entry.data) }
    })]
  }
  return slices!.map(({ sources, parameters: own = {} }, s) => {
    const slice: Level = { path: ['slices', s, 'parameters'], parameters: own }
    return sources.map((entry, i) => {
      const [path, model, [first, end]] = [['slices', s, 'sources', i], models.of(entry.model), entry.layer_range]
      const count = layerCount(model.checkpoint)
      if (end > count) throw errorAt([...path, 'layer_range'], `[${first}, ${end}] goes beyond the ${count} layers of ${entry.model}`)
      if (end - first !== sources[0].layer_range[1] - sources[0].layer_range[0]) throw errorAt([...path, 'layer_range'], 'the sources of a slice must have the same number of layers')
      const steps = (entry.editors ?? []).map((each, j) => readEditor(each, [...path, 'editors', j], errorAt))
      const data = entry.data === undefined ? undefined : models.of(entry.data)
      return { path, model, range: [first, end] as const, levels: [{ path: [...path, 'parameters'], parameters: entry.parameters ?? {} }, slice, whole], steps, data }
    })
  })
}

function readEditor({ editor: name, ...options }: { editor: string; [option: string]: unknown }, path: Path, errorAt: ErrorAt): Step {
  try {
    const editor = editorNamed(name)
    const step = { editor, options: parseOptions(editor, options) }
    const need = editor.needsGradient?.(step.options) ? 'a gradient' : editor.needsInputs?.(step.options) ? 'inputs of layers' : null
    if (need) throw new UserError(`${name} with these options needs ${need}, and a merge knows no task`)
    return step
  } catch (error) {
    throw error instanceof UserError ? errorAt(path, error.message) : error
  }
}

/** The base has no delta to merge; in slerp it is the end at t = 0. */
function chooseSources(parts: Part[], merger: Merger, base: Model | null, errorAt: ErrorAt): Part[] {
  const isBase = ({ model }: Part) => model === base
  if (merger.name === 'slerp' && base) {
    if (!parts.some(isBase)) throw errorAt(['base_model'], 'slerp needs base_model to be one of its two models (t = 0)')
    return [...parts.filter(isBase), ...parts.filter((part) => !isBase(part))]
  }
  return merger.input === 'weights' ? parts : parts.filter((part) => !isBase(part))
}

function checkParts(parts: Part[], merger: Merger, base: Model | null, path: Path, errorAt: ErrorAt): void {
  const at = parts[0]?.path ?? path
  if (merger.input === 'delta' && !base) throw errorAt([], `${merger.name} merges deltas and needs base_model`)
  const edited = parts.find(({ steps }) => steps.length)
  if (edited && !base) throw errorAt(edited.path, 'editors work on deltas and need base_model')
  const [fewest, most] = merger.count
  if (parts.length < fewest || parts.length > most) {
    throw errorAt(at, `${merger.name} merges ${fewest === most ? 'exactly' : 'at least'} ${fewest} ${fewest === 1 ? 'model' : 'models'}${merger.input === 'weights' ? '' : ' besides the base'}; got ${parts.length}`)
  }
  const without = merger.data && parts.find(({ data }) => !data)
  if (without) throw errorAt(without.path, `${merger.name} needs \`data\` for every model: a folder with its ${merger.data === 'fisher' ? 'Fisher diagonals' : 'Gram matrices'} (model.safetensors, the names of the weights)`)
}

const namesOf = ({ checkpoint, tied }: Model): string[] => [...checkpoint.tensors.keys()].filter((name) => !tied.has(name))

/** The base's layers are those that the first source takes. */
function baseName(slot: Slot, parts: Part[], base: Model): string {
  const own = parts.findIndex(({ model }) => model === base)
  return slot.names[Math.max(0, own)]
}

/** An error names at most this many tensors. */
const NAMED = 12

function checkShapes(slots: Slot[], runs: Part[][], base: Model | null, reference: Model): void {
  const problems: string[] = []
  const text = (shape: readonly number[]) => `[${shape.join(', ')}]`
  for (const slot of slots) {
    const parts = runs[slot.run]
    const wanted = reference.checkpoint.tensors.get(base ? baseName(slot, parts, base) : slot.names[0])
    for (const [i, { model }] of parts.entries()) {
      const entry = model.checkpoint.tensors.get(slot.names[i])
      if (!entry || !wanted) problems.push(`${slot.names[i]} is not in ${(entry ? reference : model).label}`)
      else if (text(entry.shape) !== text(wanted.shape)) problems.push(`${slot.names[i]} is ${text(entry.shape)} in ${model.label}, ${text(wanted.shape)} in ${reference.label}`)
      else if (isFloating(entry.dtype) !== isFloating(wanted.dtype)) problems.push(`${slot.names[i]} is ${entry.dtype} in ${model.label}, ${wanted.dtype} in ${reference.label}`)
    }
  }
  // In a merge of whole models nothing may be left over either.
  const used = new Set(slots.flatMap(({ names }) => names))
  if (runs.length === 1) for (const { model } of runs[0]) if (layerCount(model.checkpoint) === layerCount(reference.checkpoint)) problems.push(...namesOf(model).filter((name) => !used.has(name)).map((name) => `${name} is only in ${model.label}`))
  if (problems.length) throw new UserError(`the models do not fit together: ${problems.slice(0, NAMED).join('; ')}${problems.length > NAMED ? `; and ${problems.length - NAMED} more` : ''}`)
}

/** The options of one tensor. */
function mergingAt(slot: Slot, parts: Part[], how: { method: Method; merger: Merger; convention: Convention; errorAt: ErrorAt }): { merging: Merging; steps: Step[][] } {
  const { method, merger, convention, errorAt } = how
  const found = parts.map(({ levels }) => resolve(levels, Object.keys(method.model.shape), slot))
  // What is said once for the merge stands in a slice or at the top: the last levels, the same for every source.
  const common = resolve(parts[0].levels.slice(1), Object.keys(method.options.shape), slot)
  const raw = (map: typeof common) => Object.fromEntries([...map].map(([name, { value }]) => [name, value]))
  const located = <T>(maps: (typeof common)[], path: Path, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      const named = maps.flatMap((map) => [...map]).find(([name]) => new RegExp(`\\b${name}\\b`).test(error.message))
      throw errorAt(named?.[1].path ?? path, error.message)
    }
  }
  const options = located([common], ['parameters'], () => parseWith(method.options, raw(common), method.name))
  const own = found.map((map, i) => located([map], parts[i].path, () => parseWith(method.model, raw(map), method.name)))
  return located([...found, common], parts[0].path, () => ({
    merging: parseMerging(merger, { convention, options: method.toOptions?.(options) ?? known(merger.options.shape, options), models: own.map((m) => method.toModel?.(m, options) ?? m) }),
    steps: own.map((m) => [method.toStep?.(m, options, convention) ?? []].flat()),
  }))
}

const known = (shape: object, options: object) => Object.fromEntries(Object.entries(options).filter(([name]) => name in shape))

const plannedDtype = (stored: string, wanted: WritableDtype | undefined): string => wanted ?? ((WRITABLE as readonly string[]).includes(stored) ? stored : 'F32')

/** A survey reads the whole models at once: its options cannot differ from tensor to tensor. */
function checkUniform(tensors: TensorMerge[], method: string): void {
  const settings = tensors.flatMap(({ merging }) => (merging && needsSurvey(merging) ? [JSON.stringify([merging.options, merging.models])] : []))
  if (new Set(settings).size > 1) throw new UserError(`${method}: with this convention the method looks at the whole model, so its parameters cannot have gradients or filters (granularity: tensor allows them in ties)`)
}
