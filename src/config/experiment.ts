// An experiment as the sweep runs it: the YAML file checked, its lists expanded, its paths resolved.
import { dirname, resolve } from 'node:path'
import { UserError, unknown } from '../errors/index.js'
import { remoteModel } from '../hub/index.js'
import { COLUMNS, namedOptions } from '../record/row.js'
import { columnsOfView, MADE, type View } from '../record/view.js'
import { readYaml } from '../schema/index.js'
import { type Edit, expandEdits } from './edits.js'
import { optionsOf, postName } from './merge.js'
import { expandMerges } from './merges.js'
import { experimentSchema, type LossSettings, type Score } from './schema.js'

/** A base and a post-trained checkpoint, with the tasks they are measured on. */
export interface Pair {
  /** Pairs may share a name (the skills of one model) where their tasks differ. */
  name: string
  /** Folders as the YAML gives them: this is how records name them. */
  base: string
  post: string
  /** The same folders, absolute; `org/name` of the hub as it is, until its files are here. */
  baseFolder: string
  postFolder: string
  /** Patterns of the tensors that belong to the task: taken from post, never edited. */
  head?: string[] | undefined
  /** Prompts go through the chat template of `post`; with an instruction in the system message. */
  chat?: true | { system?: string | undefined } | undefined
  tasks: TaskSource[]
}

export interface TaskSource {
  /** As the YAML gives it: the name of a shipped task, or a path. */
  given: string
  /** What `loadTask` takes: the name, or the absolute path. */
  source: string
}

export interface Experiment {
  name: string
  title?: string
  /** Path and text of the YAML file. */
  file: string
  text: string
  models: Pair[]
  edits: Edit[]
  /** Edits that end in a merge: of the models of its base, each on its tasks. */
  merges: Edit[]
  /** Items that mergers are given, from the last of a task. */
  data: { items: number }
  seeds: number[]
  score: false | Score
  loss: false | LossSettings
  views: View[]
}

/** Task files have an ending or a folder; everything else is the name of a shipped task. */
const isPath = (task: string) => /[/\\]|\.jsonl?$|\.ya?ml$/.test(task)

/**
 * Reads an experiment. Folders and files in it are relative to the YAML file.
 * @throws UserError with path, line and column: YAML errors, unknown keys, editors and options, values out of range
 */
export async function loadExperiment(file: string): Promise<Experiment> {
  const { value, text, errorAt } = await readYaml(file, experimentSchema)
  const folder = dirname(resolve(file))
  const measured = value.models.flatMap(({ name, tasks }, index) =>
    tasks.map((task, at) => ({ words: `${name} on ${task}`, path: ['models', index, 'tasks', at] })),
  )
  refuseRepeats(
    measured.map(({ words }) => words),
    (index) => errorAt(measured[index]!.path, `${measured[index]!.words} is listed twice`),
  )
  const models = value.models.map((model) => {
    const tasks = model.tasks.map((given) => ({ given, source: isPath(given) ? resolve(folder, given) : given }))
    const locate = (given: string) => (remoteModel(given, folder) ? given : resolve(folder, given))
    return { ...model, baseFolder: locate(model.base), postFolder: locate(model.post), tasks }
  })
  const edits = expandEdits(value, errorAt)
  const merges = expandMerges(value, models, errorAt)
  if (edits.length + merges.length === 0) throw errorAt([], 'there is nothing to run: `editors` or `merges` are needed')
  refuseRepeats(
    edits.map((edit) => JSON.stringify(edit)),
    (index) =>
      errorAt(
        ['editors'],
        `the same edit is listed twice: ${edits[index]!.label} ${JSON.stringify(edits[index]!.steps)}`,
      ),
  )
  refuseRepeats(
    merges.map((edit) => JSON.stringify(edit)),
    (index) =>
      errorAt(
        ['merges'],
        `the same merge is listed twice: ${merges[index]!.label} of ${merges[index]!.merge!.posts.map(postName).join(', ')}`,
      ),
  )
  const views = [value.report].flat()
  checkViews(views, [...edits, ...merges], Boolean(value.score && value.score.validation), (index, key, error) =>
    errorAt(Array.isArray(value.report) ? ['report', index, key] : ['report', key], error.message),
  )
  const seeds = typeof value.seeds === 'number' ? Array.from({ length: value.seeds }, (_, i) => i + 1) : value.seeds
  refuseRepeats(seeds.map(String), (index) => errorAt(['seeds', index], `the seed ${seeds[index]} is listed twice`))
  return {
    name: value.name,
    ...(value.title && { title: value.title }),
    file,
    text,
    models,
    edits,
    merges,
    data: value.data,
    seeds,
    score: value.score,
    loss: value.loss,
    views,
  }
}

/** Figures are drawn last: a column that no row will have is refused before the work starts. */
function checkViews(
  views: readonly View[],
  edits: readonly Edit[],
  validated: boolean,
  errorAt: (index: number, key: string, error: Error) => Error,
): void {
  const options = edits.flatMap((edit) => Object.keys(namedOptions(optionsOf(edit))))
  const known = [...new Set([...COLUMNS, ...MADE, ...options])]
  for (const [index, view] of views.entries()) {
    const stray = columnsOfView(view).find(({ name }) => !known.includes(name))
    if (stray) throw errorAt(index, stray.key, unknown('column', stray.name, known))
    if (view.select && !validated)
      throw errorAt(
        index,
        'select',
        new UserError('an option is chosen on validation items, and there are none: give `validation` in `score`'),
      )
  }
}

function refuseRepeats(words: readonly string[], error: (index: number) => Error): void {
  const index = words.findIndex((word, at) => words.indexOf(word) !== at)
  if (index >= 0) throw error(index)
}
