// The runs of layers of a merge file: which models take part in each, with which layers, parameters and editors.
import { checkChain, needsGradient, needsGram, parseOptions, type Step } from '../editors/index.js'
import { type Path, UserError, within } from '../errors/index.js'
import { type Convention, dataOf, type Merger } from '../mergers/index.js'
import type { Registry } from '../registry/index.js'
import { type LayerSpan, layerCount } from './layers.js'
import type { Contract, Method } from './mergekit.js'
import type { MergeModel, MergeModels } from './open.js'
import type { Level } from './parameters.js'
import type { MergeFile } from './schema.js'

/** A source of a run of layers, with the levels of its parameters from the nearest outwards. */
export interface LayerSource {
  path: Path
  /** The model as the file writes it. */
  words: string
  model: MergeModel
  range: LayerSpan
  levels: Level[]
  steps: Step[]
  data: MergeModel | undefined
}

/** A run with the sources that are merged, and the layers of what they are compared with: the base, or the first source. */
export interface LayerRun {
  sources: LayerSource[]
  reference: Pick<LayerSource, 'model' | 'range'>
  base: MergeModel | null
  /** Nothing but the base is given, and it comes out as it is. */
  alone: boolean
}

/** The sources of a run in the file, and where they stand. */
export interface ListedRun {
  all: LayerSource[]
  path: Path
  /** The base of the run as the file writes it. */
  base: string | undefined
}

type Entry = NonNullable<MergeFile['models']>[number]

/** The sources of every run; `models` is one run of all layers. To these mergekit adds the base. */
export function listRuns(config: MergeFile, models: MergeModels, registry: Registry): ListedRun[] {
  const { models: list, slices = [], parameters = {}, convention, base_model: base } = config
  const whole: Level = { path: ['parameters'], parameters }
  const sourceOf = (entry: Entry, path: Path, outer: Level[], range?: LayerSource['range']): LayerSource => {
    const model = models.of(entry.model)
    return {
      path,
      words: entry.model,
      model,
      range: range ?? [0, layerCount(model.checkpoint)],
      levels: [{ path: [...path, 'parameters'], parameters: entry.parameters ?? {} }, ...outer],
      steps: within([...path, 'editors'], () => readEditors(entry.editors ?? [], convention, registry)),
      data: entry.data === undefined ? undefined : models.of(entry.data),
    }
  }
  if (list) {
    checkDepths(list, base, models)
    const all = list.map((entry, i) => sourceOf(entry, ['models', i], [whole]))
    const isAdded = config.merge_method !== undefined && base !== undefined && !all.some(({ words }) => words === base)
    return [
      { all: isAdded ? [...all, sourceOf({ model: base }, ['base_model'], [whole])] : all, path: ['models'], base },
    ]
  }
  return slices.map(({ sources, parameters: own = {}, base_model: ownBase = base }, s) => {
    const slice: Level = { path: ['slices', s, 'parameters'], parameters: own }
    const [wanted, wantedEnd] = sources[0]!.layer_range
    const all = sources.map((entry, i) => {
      const path = ['slices', s, 'sources', i]
      const [first, end] = entry.layer_range
      const count = layerCount(models.of(entry.model).checkpoint)
      const refuse = (message: string) => new UserError(message, { path: [...path, 'layer_range'] })
      if (end > count) throw refuse(`[${first}, ${end}] goes beyond the ${count} layers of ${entry.model}`)
      if (end - first !== wantedEnd - wanted) throw refuse('the sources of a slice must have the same number of layers')
      return sourceOf(entry, path, [slice, whole], [first, end])
    })
    return { all, path: ['slices', s], base: ownBase }
  })
}

/** Whole models have the same number of layers, the base too. */
function checkDepths(list: readonly Entry[], base: string | undefined, models: MergeModels): void {
  const depthOf = (text: string): number => layerCount(models.of(text).checkpoint)
  const first = base ?? list[0]!.model
  for (const [i, { model }] of list.entries()) {
    const [own, wanted] = [depthOf(model), depthOf(first)]
    if (own !== wanted)
      throw new UserError(`${model} has ${own} layers, ${first} ${wanted}; choose layers of each with slices`, {
        path: ['models', i, 'model'],
      })
  }
}

/** Editors with their options; the paths of errors begin at the list. */
function readEditors(
  entries: NonNullable<Entry['editors']>,
  convention: Convention | undefined,
  registry: Registry,
): Step[] {
  const steps = entries.map((entry, i) => within([i], () => readEditor(entry, convention, registry)))
  for (let i = 1; i < steps.length; i++) within([i], () => checkChain(steps.slice(0, i + 1)))
  return steps
}

/** An editor that knows the file's convention follows it, unless it says otherwise itself. */
function readEditor(
  { editor: name, ...given }: NonNullable<Entry['editors']>[number],
  convention: Convention | undefined,
  registry: Registry,
): Step {
  const editor = within(['editor'], () => registry.editor(name))
  const knows = convention !== undefined && editor.options.shape.convention?.safeParse(convention).success
  const step = { editor, options: parseOptions(editor, { ...(knows ? { convention } : {}), ...given }) }
  const need = needsGradient(step) ? 'a gradient' : needsGram(step) ? 'Gram matrices' : null
  if (need)
    throw new UserError(`${name} with these options needs ${need}, which a merge does not have: edit that model first`)
  return step
}

/**
 * The base has no delta to merge. In slerp it is the end at t = 0; a file of our own may list it there or leave it out. It takes
 * the layers that it lists, or those of the first source.
 */
export function chooseSources({ all }: ListedRun, merger: Merger, base: MergeModel | null): LayerRun {
  const own = all.find(({ model }) => model === base)
  const reference = base ? { model: base, range: (own ?? all[0]!).range } : all[0]!
  const others = all.filter((source) => source !== own)
  const run = { reference, base, alone: false }
  if (merger.name === 'slerp' && base) return { ...run, sources: own ? [own, ...others] : all }
  return { ...run, sources: merger.input === 'weights' ? all : others }
}

/**
 * The same as mergekit does it: the models are told apart by what the file writes, and a base that is wanted stands among them.
 * @throws UserError where they are not what the method merges
 */
export function chooseAsMergekit(
  { all, path, base: words }: ListedRun,
  { name, contract }: Method & { contract: Contract },
): LayerRun {
  const again = all.find((source, i) => all.findIndex((other) => other.words === source.words) < i)
  if (again)
    throw new UserError(
      `${again.words} is given twice, which mergekit refuses; give it once, with the sum of its weights`,
      { path: [...again.path, 'model'] },
    )
  const base = contract.base === 'ignored' ? undefined : all.find((source) => source.words === words)
  if (!base && contract.base === 'required' && words === undefined)
    throw new UserError(`${name} needs base_model`, { path: [] })
  if (!base && contract.base !== 'ignored' && words !== undefined)
    throw new UserError(`base_model (${words}) must be among the sources of every slice, with its layers`, { path })
  const others = all.filter((source) => source !== base)
  checkContract(name, contract, { count: others.length, based: base !== undefined, named: words !== undefined, path })
  const run = { reference: base ?? all[0]!, base: base?.model ?? null, alone: false }
  if (base && others.length === 0) return { ...run, base: null, sources: [base], alone: true }
  return { ...run, sources: base && name === 'slerp' ? [base, ...others] : others }
}

function checkContract(
  name: string,
  { inputs = [0, Infinity], others }: Contract,
  { count, based, named, path }: { count: number; based: boolean; named: boolean; path: Path },
): void {
  const [fewest, most] = others ?? inputs.map((limit) => limit - Number(based))
  if (count >= fewest! && count <= most!) return
  const wanted = `${fewest === most ? 'exactly' : count < fewest! ? 'at least' : 'at most'} ${count < fewest! ? fewest : most}`
  const noun = `${wanted} ${wanted.endsWith(' 1') ? 'model' : 'models'}`
  const besides = based ? ' besides the base' : named ? ' (base_model counts as one)' : ''
  throw new UserError(`${name} merges ${noun}${besides}; got ${count}`, { path })
}

/** Whether the merger can merge these sources. @param path of the run in the file */
export function checkSources({ sources, base, alone }: LayerRun, merger: Merger, path: Path): void {
  const { name, input } = merger
  const data = dataOf(merger)
  const [fewest, most] = merger.count
  if (input === 'delta' && !base && !alone)
    throw new UserError(`${name} merges deltas and needs base_model`, { path: [] })
  const edited = sources.find(({ steps }) => steps.length)
  if (edited && !base) throw new UserError('editors work on deltas and need base_model', { path: edited.path })
  if (alone) return
  if (sources.length < fewest || sources.length > most) {
    const wanted = `${fewest === most ? 'exactly' : 'at least'} ${fewest} ${fewest === 1 ? 'model' : 'models'}`
    throw new UserError(
      `${name} merges ${wanted}${input === 'weights' ? '' : ' besides the base'}; got ${sources.length}`,
      { path },
    )
  }
  const wrong = sources.find((source) => (source.data !== undefined) !== (data !== null))
  if (!wrong) return
  if (!data) throw new UserError(`${name} reads no data; fisher and regmean do`, { path: [...wrong.path, 'data'] })
  const what = data === 'fisher' ? 'Fisher diagonals' : 'Gram matrices'
  throw new UserError(
    `${name} needs \`data\` for every model: a folder with its ${what} (model.safetensors, the names of the weights)`,
    { path: wrong.path },
  )
}
