// An experiment as the sweep runs it: the YAML file checked, its lists expanded, its paths resolved.
import { dirname, resolve } from 'node:path'
import { type Path, UserError, unknown, within } from '../errors/index.js'
import { placeModel } from '../hub/index.js'
import { COLUMNS, columnsOfView, DERIVED, namedOptions, otherScore, type View } from '../record/index.js'
import { makeRegistry, type PluginSource, type Registry, resolvePlugins } from '../registry/index.js'
import { placeIn } from '../schema/index.js'
import { datasetOf, identifyTask, sectionName, sectionWord, type TaskSection } from '../tasks/index.js'
import { locateValue, type Override, readYaml } from '../yaml/index.js'
import { type DeltaEdit, type Edit, type MergeEdit, optionsOf } from './edit.js'
import { expandEditor } from './expand-edits.js'
import { expandMerge } from './expand-merges.js'
import { type ModelPair, postName, type TaskSource } from './pair.js'
import { experimentSchema, type LossSettings, type ParsedExperiment, type Score } from './schema.js'
import { findExperiment } from './shipped.js'

/** A value: nothing changes it after it was read. */
export interface Experiment {
  readonly name: string
  readonly title?: string
  /** Path and text of the YAML file. */
  readonly file: string
  readonly text: string
  readonly models: readonly ModelPair[]
  readonly edits: readonly DeltaEdit[]
  readonly merges: readonly MergeEdit[]
  /** Number of items that mergers are given, from the last of a task. */
  readonly data: { readonly items: number }
  readonly seeds: readonly number[]
  readonly score: false | Readonly<Score>
  readonly loss: false | Readonly<LossSettings>
  readonly views: readonly View[]
  /** The editors, mergers and tasks that its names refer to. */
  readonly registry: Registry
}

/** What is given beside the YAML file. */
export interface ExperimentOptions {
  /** Further plugins. */
  plugins?: readonly PluginSource[]
  /** Every model leaves out tensors without a partner. */
  ignoreUnmatched?: boolean
  /** Values that take the place of the file's own. */
  overrides?: readonly Override[]
}

/**
 * Reads an experiment. Folders and files in it are relative to the YAML file. The plugins that it names run.
 * @param source path of the YAML file, or name of a shipped experiment; or its content, whose paths are relative to the current folder
 * @throws UserError with path, line and column: YAML errors, unknown keys, editors and options, values out of range
 */
export async function loadExperiment(
  source: string | object,
  { plugins = [], ignoreUnmatched = false, overrides = [] }: ExperimentOptions = {},
): Promise<Experiment> {
  const file = typeof source === 'string' ? findExperiment(source) : 'experiment'
  const { value, text, locate } =
    typeof source === 'string'
      ? readYaml(file, experimentSchema, { overrides })
      : locateValue(source, file, experimentSchema)
  const registry = await makeRegistry([...resolvePlugins(file, value.plugins), ...plugins])
  const parsed = ignoreUnmatched
    ? { ...value, models: value.models.map((model) => ({ ...model, ignore_unmatched: true })) }
    : value
  return locate(() => ({ ...expandExperiment(parsed, dirname(resolve(file)), registry), file, text, registry }))
}

/**
 * Expands a parsed experiment into all its edits, merges and tasks. Folders and files in it are relative to `folder`.
 * @throws UserError with the path of what is wrong
 */
function expandExperiment(
  parsed: ParsedExperiment,
  folder: string,
  registry: Registry,
): Omit<Experiment, 'file' | 'text' | 'registry'> {
  const models = parsed.models.map((model, i) => within(['models', i], () => readPair(model, folder, registry)))
  refuseRepeats(
    models.flatMap(({ name, tasks }, index) =>
      tasks.map(({ given }, at) => ({ words: `${name} on ${given}`, path: ['models', index, 'tasks', at] })),
    ),
    '; a section may have a name of its own',
  )
  const edits = parsed.editors.map((entry, i) => within(['editors', i], () => expandEditor(entry, parsed, registry)))
  const merges = parsed.merges.map((entry, i) => within(['merges', i], () => expandMerge(entry, models, registry)))
  if ([...edits, ...merges].length === 0)
    throw new UserError('there is nothing to run: `editors` or `merges` are needed', { path: [] })
  refuseEqual(
    edits,
    'editors',
    ({ label, steps }) => `the same edit is listed twice: ${label} ${JSON.stringify(steps)}`,
  )
  refuseEqual(
    merges,
    'merges',
    ({ label, merge }) => `the same merge is listed twice: ${label} of ${merge.posts.map(postName).join(', ')}`,
  )
  const all = { edits: edits.flat(), merges: merges.flat() }
  const views = [parsed.report].flat()
  for (const [i, view] of views.entries())
    within(Array.isArray(parsed.report) ? ['report', i] : ['report'], () =>
      checkView(view, [...all.edits, ...all.merges], Boolean(parsed.score && parsed.score.validation)),
    )
  const seeds = typeof parsed.seeds === 'number' ? Array.from({ length: parsed.seeds }, (_, i) => i + 1) : parsed.seeds
  refuseRepeats(seeds.map((seed, i) => ({ words: `the seed ${seed}`, path: ['seeds', i] })))
  const { name, title, data, score, loss } = parsed
  return { name, ...(title && { title }), models, ...all, data, seeds, score, loss, views }
}

/** Task files have an ending or a folder; everything else is the name of a shipped task. */
const isPath = (task: string) => /[/\\]|\.jsonl?$|\.ya?ml$/.test(task)

/** A section is known by the name of its task. */
function taskSource(given: string | TaskSection, folder: string): TaskSource {
  const placed = (task: string) => (isPath(task) ? placeIn(folder, task) : task)
  if (typeof given === 'string') return { given, source: placed(given) }
  const { text, task } = given
  const source =
    text === undefined
      ? { ...given, task: placed(task!) }
      : { ...given, text: datasetOf(text) ? text : placeIn(folder, text) }
  return { given: sectionName(given) ?? task!, source: sectionWord(source) }
}

function readPair(model: ParsedExperiment['models'][number], folder: string, registry: Registry): ModelPair {
  const tasks = model.tasks.map((given, at) => {
    const task = taskSource(given, folder)
    within(['tasks', at], () => identifyTask(task.source, { tasks: registry.tasks }))
    return task
  })
  const folderOf = (given: string) => placeModel(given, folder)
  const { ignore_unmatched: ignoreUnmatched, tokenizer, ...pair } = model
  return {
    ...pair,
    ...(ignoreUnmatched && { ignoreUnmatched }),
    baseFolder: folderOf(model.base),
    postFolder: folderOf(model.post),
    ...(tokenizer !== undefined && { tokenizerFolder: folderOf(tokenizer) }),
    tasks,
  }
}

/** Figures are drawn last: a column that no row will have is refused before the work starts. */
function checkView(view: View, edits: readonly Edit[], validated: boolean): void {
  const options = edits.flatMap((edit) => Object.keys(namedOptions(optionsOf(edit))))
  const known = [...new Set([...COLUMNS, ...DERIVED, ...options])]
  const stray = columnsOfView(view).find(({ name }) => !known.includes(name) && !otherScore(name))
  if (stray) throw unknown('column', stray.name, known).at(stray.key)
  if (view.select && !validated)
    throw new UserError('an option is chosen on validation items, and there are none: give `validation` in `score`', {
      path: ['select'],
    })
}

/** Two entries of `key`, or two combinations of one, that are the same work. */
function refuseEqual<E extends Edit>(entries: readonly (readonly E[])[], key: string, say: (edit: E) => string): void {
  const seen = new Set<string>()
  for (const [i, edits] of entries.entries())
    for (const edit of edits) {
      const whole = JSON.stringify(edit)
      if (seen.has(whole)) throw new UserError(say(edit), { path: [key, i] })
      seen.add(whole)
    }
}

/** @param advice what to do, after `is listed twice` */
function refuseRepeats(entries: readonly { words: string; path: Path }[], advice = ''): void {
  const all = entries.map(({ words }) => words)
  const repeated = entries.find(({ words }, i) => all.indexOf(words) < i)
  if (repeated) throw new UserError(`${repeated.words} is listed twice${advice}`, { path: repeated.path })
}
