// The runs of layers of a merge file: which models take part in each, with which layers, parameters and editors.
import { checkChain, editorNamed, needsGradient, needsGram, parseOptions, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import type { Convention, Merger } from '../mergers/index.js'
import { layerCount } from './layers.js'
import type { Model, Models } from './open.js'
import type { ErrorAt, Level, Path } from './parameters.js'
import type { MergeFile } from './schema.js'

/** A source of a run of layers, with the levels of its parameters from the nearest outwards. */
export interface Part {
  path: Path
  model: Model
  range: readonly [first: number, end: number]
  levels: Level[]
  steps: Step[]
  data?: Model | undefined
}

/** A run with the sources that are merged, and the layers of what they are compared with: the base, or the first source. */
export interface LayerRun {
  parts: Part[]
  reference: Pick<Part, 'model' | 'range'>
}

type Entry = NonNullable<MergeFile['models']>[number]

/** The runs with their sources; `models` is one run of all layers. */
export function listRuns(config: MergeFile, models: Models, errorAt: ErrorAt): Part[][] {
  const { models: list, slices, parameters = {}, convention } = config
  const whole: Level = { path: ['parameters'], parameters }
  const partOf = (entry: Entry, path: Path, range: Part['range'] | null, outer: Level[]): Part => {
    const model = models.of(entry.model)
    return {
      path,
      model,
      range: range ?? [0, layerCount(model.checkpoint)],
      levels: [{ path: [...path, 'parameters'], parameters: entry.parameters ?? {} }, ...outer],
      steps: readEditors(entry.editors ?? [], convention, [...path, 'editors'], errorAt),
      data: entry.data === undefined ? undefined : models.of(entry.data),
    }
  }
  if (list) {
    checkDepths(config, models, errorAt)
    return [list.map((entry, i) => partOf(entry, ['models', i], null, [whole]))]
  }
  return slices!.map(({ sources, parameters: own = {} }, s) => {
    const slice: Level = { path: ['slices', s, 'parameters'], parameters: own }
    return sources.map((entry, i) => {
      const path = ['slices', s, 'sources', i]
      const [first, end] = entry.layer_range
      const count = layerCount(models.of(entry.model).checkpoint)
      if (end > count)
        throw errorAt([...path, 'layer_range'], `[${first}, ${end}] goes beyond the ${count} layers of ${entry.model}`)
      const [other, otherEnd] = sources[0]!.layer_range
      if (end - first !== otherEnd - other)
        throw errorAt([...path, 'layer_range'], 'the sources of a slice must have the same number of layers')
      return partOf(entry, path, [first, end], [slice, whole])
    })
  })
}

/** Whole models have the same number of layers, the base too. */
function checkDepths({ models: list, base_model: base }: MergeFile, models: Models, errorAt: ErrorAt): void {
  const depthOf = (text: string): number => layerCount(models.of(text).checkpoint)
  const first = base ?? list![0]!.model
  for (const [i, { model }] of list!.entries()) {
    const [own, wanted] = [depthOf(model), depthOf(first)]
    if (own !== wanted)
      throw errorAt(
        ['models', i, 'model'],
        `${model} has ${own} layers, ${first} ${wanted}; choose layers of each with slices`,
      )
  }
}

function readEditors(
  entries: NonNullable<Entry['editors']>,
  convention: Convention | undefined,
  path: Path,
  errorAt: ErrorAt,
): Step[] {
  const steps = entries.map((each, i) => readEditor(each, convention, [...path, i], errorAt))
  for (let i = 1; i < steps.length; i++) placed([...path, i], errorAt, () => checkChain(steps.slice(0, i + 1)))
  return steps
}

/** What `work` finds wrong is said at `path`. */
function placed<T>(path: Path, errorAt: ErrorAt, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof UserError ? errorAt(path, error.message) : error
  }
}

/** An editor that knows the file's convention follows it, unless it says otherwise itself. */
function readEditor(
  { editor: name, ...given }: { editor: string; [option: string]: unknown },
  convention: Convention | undefined,
  path: Path,
  errorAt: ErrorAt,
): Step {
  return placed(path, errorAt, () => {
    const editor = editorNamed(name)
    const knows = convention !== undefined && editor.options.shape.convention?.safeParse(convention).success
    const step = { editor, options: parseOptions(editor, { ...(knows ? { convention } : {}), ...given }) }
    const need = needsGradient(step) ? 'a gradient' : needsGram(step) ? 'Gram matrices' : null
    if (need)
      throw new UserError(
        `${name} with these options needs ${need}, which a merge does not have: edit that model first`,
      )
    return step
  })
}

/**
 * The base has no delta to merge; in slerp it is the end at t = 0, and in a file of our own may stand aside, for editors. It takes
 * the layers it lists, or those of the first source.
 */
export function chooseSources(
  all: Part[],
  merger: Merger,
  base: Model | null,
  mergekit: boolean,
  errorAt: ErrorAt,
): LayerRun {
  const own = all.find(({ model }) => model === base)
  const reference = base ? { model: base, range: (own ?? all[0]!).range } : all[0]
  const others = all.filter((part) => part !== own)
  if (merger.name === 'slerp' && base) {
    if (!own && mergekit) throw errorAt(['base_model'], 'slerp needs base_model to be one of its two models (t = 0)')
    return { parts: own ? [own, ...others] : all, reference: reference! }
  }
  return { parts: merger.input === 'weights' ? all : others, reference: reference! }
}

export function checkParts(
  { parts }: LayerRun,
  merger: Merger,
  base: Model | null,
  path: Path,
  errorAt: ErrorAt,
): void {
  const {
    name,
    input,
    count: [fewest, most],
    data,
  } = merger
  if (input === 'delta' && !base) throw errorAt([], `${name} merges deltas and needs base_model`)
  const edited = parts.find(({ steps }) => steps.length)
  if (edited && !base) throw errorAt(edited.path, 'editors work on deltas and need base_model')
  if (parts.length < fewest || parts.length > most) {
    const wanted = `${fewest === most ? 'exactly' : 'at least'} ${fewest} ${fewest === 1 ? 'model' : 'models'}`
    throw errorAt(
      path,
      `${name} merges ${wanted}${input === 'weights' ? '' : ' besides the base'}; got ${parts.length}`,
    )
  }
  const without = parts.find((part) => (part.data !== undefined) !== (data !== undefined))
  if (!without) return
  if (!data) throw errorAt([...without.path, 'data'], `${name} reads no data; fisher and regmean do`)
  const what = data === 'fisher' ? 'Fisher diagonals' : 'Gram matrices'
  throw errorAt(
    without.path,
    `${name} needs \`data\` for every model: a folder with its ${what} (model.safetensors, the names of the weights)`,
  )
}
