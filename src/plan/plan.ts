// An experiment → its runs, each with an id from its content. Pure: the same experiment gives the same list everywhere.
import { createHash } from 'node:crypto'
import { type Edit, type Experiment, type Merge, type ModelPair, measures, type TaskSource } from '../config/index.js'
import { describeOptions } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { hashesOf, objectsAmong, type Registry, type UsedNames } from '../registry/index.js'
import { factsOf } from '../schema/index.js'
import { settingsOfTask, sourceOfTask } from '../tasks/index.js'

/** The task of a run: what identifies it, and what loadTask takes. */
export interface PlannedTask {
  name: string
  version: number
  source: string
}

export interface Run {
  id: string
  pair: ModelPair
  task: PlannedTask
  edit: Edit
  /** Null for an edit that draws nothing at random. */
  seed: number | null
}

/** Increased when a planned run means something else than before, so that old rows are not taken for new ones. */
const MEANING = 1

/**
 * Runs in the order of rows: model, task, edit (merges last), seed; a merge is measured on every model of its base. Runs of one model and task are neighbours.
 * @param tasksOf the tasks of each model, in the order of `experiment.models`
 */
export function planRuns(experiment: Experiment, tasksOf: readonly (readonly PlannedTask[])[]): Run[] {
  const runs = experiment.models.flatMap((pair, index) =>
    tasksOf[index]!.flatMap((task) =>
      [...experiment.edits, ...experiment.merges.filter(({ merge }) => measures(merge, pair, task.source))].flatMap(
        (edit) =>
          (edit.stochastic ? experiment.seeds : [null]).map((seed) => ({
            id: identify(experiment, { pair, task, edit, seed }),
            pair,
            task,
            edit,
            seed,
          })),
      ),
    ),
  )
  const measured = experiment.models.flatMap((pair, index) =>
    tasksOf[index]!.map((task) => `${pair.name} on ${task.name}`),
  )
  const repeated = measured.find((words, index) => measured.indexOf(words) !== index)
  if (repeated)
    throw new UserError(`${experiment.file}: ${repeated} is listed twice: give one of the models another name`)
  return runs
}

/** First 12 hexadecimal digits of the SHA-256 of all that determines the row. */
function identify(experiment: Experiment, { pair, task, edit, seed }: Omit<Run, 'id'>): string {
  const { registry } = experiment
  const plugins = hashesOf(registry, namesOf({ task, edit }))
  const content = {
    meaning: MEANING,
    model: {
      name: pair.name,
      base: pair.base,
      post: pair.post,
      ...(pair.head && { head: pair.head }),
      ...(pair.chat && { chat: pair.chat }),
    },
    task: { name: task.name, version: task.version, ...settingsOfTask(task.source) },
    edit: {
      label: edit.label,
      on: edit.on,
      tensors: edit.tensors,
      steps: edit.steps.map((step) => chosenOptions(step, registry)),
      ...(edit.merge && { merge: chosenMerge(edit.merge, experiment) }),
    },
    seed,
    score: experiment.score,
    loss: chosenLoss(experiment.loss),
    ...(plugins.length && { plugins }),
  }
  return createHash('sha256').update(canonical(content)).digest('hex').slice(0, 12)
}

/** A loss of the usual kind without it: ids are older than kinds. */
function chosenLoss(loss: Experiment['loss']) {
  if (!loss || loss.kind !== 'task') return loss
  const { kind: _, ...rest } = loss
  return rest
}

/** The editors, mergers and tasks that a run uses. */
function namesOf({ task, edit }: Pick<Run, 'task' | 'edit'>): UsedNames {
  const tasks = [task, ...(edit.merge?.data ? edit.merge.posts.flatMap((post) => post.tasks) : [])]
  return {
    editors: edit.steps.map(({ editor }) => editor),
    mergers: edit.merge ? [edit.merge.merger] : [],
    tasks: tasks.map(({ source }) => sourceOfTask(source)),
  }
}

/** What a run uses that was made in code: `editor clip`. Nobody can see whether its code is still the same. */
export const objectsOf = (run: Run, registry: Registry): string[] => objectsAmong(registry, namesOf(run))

/** A step without options at their default: when an editor gains an option later, old ids stay the same. */
function chosenOptions({ editor, options }: Edit['steps'][number], registry: Registry) {
  return { editor, options: withoutDefaults(options, describeOptions(registry.editor(editor))) }
}

function withoutDefaults(options: object, facts: readonly { name: string; default?: unknown }[]) {
  const defaults = new Map(facts.map((fact) => [fact.name, fact.default]))
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => value !== defaults.get(name)))
}

function chosenMerge(
  { merger: name, convention, options, modelOptions, posts, data: needed }: Merge,
  { data, registry }: Experiment,
) {
  const merger = registry.merger(name)
  const chosen = (schema: Parameters<typeof factsOf>[0], values: object) => withoutDefaults(values, factsOf(schema))
  return {
    merger: name,
    convention,
    options: chosen(merger.options, options),
    posts: posts.map(({ post }, i) => ({ post, options: chosen(merger.modelOptions, modelOptions[i]!) })),
    ...(needed && { data: { ...data, tasks: posts.map(({ tasks }) => tasks.map(identityOf)) } }),
  }
}

/** A task as it is given, and what a section says beside its name. */
const identityOf = ({ given, source }: TaskSource) => {
  const settings = settingsOfTask(source)
  return Object.keys(settings).length ? { given, ...settings } : given
}

/** JSON with sorted keys, so that the order of keys in a YAML file changes no id. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** Identifies a pair within an experiment. */
export function pairKey(pair: ModelPair): string {
  return [
    pair.name,
    pair.base,
    pair.post,
    ...(pair.head ?? []),
    ...(pair.chat ? [JSON.stringify(pair.chat)] : []),
  ].join(' ')
}

/** SHA-256 of the ids of a plan; a results folder stores it to recognise its experiment. */
export function hashPlan(runs: readonly Run[]): string {
  return createHash('sha256')
    .update(
      runs
        .map((run) => run.id)
        .sort()
        .join('\n'),
    )
    .digest('hex')
}
