// Sweeps and their plans, from code.
import { join } from 'node:path'
import { z } from 'zod'
import { type Experiment, type experimentSchema, loadExperiment, optionsOf } from '../config/index.js'
import { UserError } from '../errors/index.js'
import type { Merger } from '../mergers/index.js'
import { identifyTasks, planRuns } from '../plan/index.js'
import { MOST_SHARDS, type Results, type Row, readResults, type Shard } from '../record/index.js'
import { runSweep } from '../sweep/index.js'
import type { TaskReference } from '../tasks/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { checkerOf, given } from './given.js'
import { nameObjects, type PluginOptions } from './plugins.js'
import type { EditorEntry, EditorStep } from './steps.js'

/** The content of a YAML file. */
type Parsed = z.input<typeof experimentSchema>

/**
 * An experiment as an object, with the keys of its YAML file (docs/config.md). Folders and files in it are relative to the
 * current folder. An option may be a list of values, and the entry then means every combination.
 */
export type ExperimentConfig = Omit<Parsed, 'models' | 'editors' | 'merges'> & {
  /** Pairs of a base and a post-trained model, each with its tasks: names, paths, or what `defineTask` gave. */
  models: readonly (Omit<Parsed['models'][number], 'tasks'> & {
    /** Tasks that the pair is measured on. */
    tasks: readonly TaskReference[]
  })[]
  /** Edits. */
  editors?: readonly EditorEntry[] | undefined
  /** Merges of fine-tunes. */
  merges?: readonly MergeEntry[] | undefined
}

/** A merge of fine-tunes in an experiment: the merger with its options as further keys. */
export type MergeEntry = Omit<NonNullable<Parsed['merges']>[number], 'merger' | 'edit'> & {
  /** Name of the merger, or the merger itself. */
  merger: string | Merger
  /** What every delta goes through before the merge. */
  edit?:
    | EditorStep
    | {
        /** Editors in the order in which they are applied. */
        chain: readonly EditorStep[]
      }
    | undefined
}

function openExperiment(config: string | ExperimentConfig, { plugins = [] }: PluginOptions): Promise<Experiment> {
  const { named, objects } = nameObjects(config)
  return loadExperiment(named, { plugins: [...plugins, ...objects] })
}

/** How a sweep runs. */
export interface SweepOptions extends PluginOptions {
  /** Results folder; `results/<name>` in the current folder unless given. */
  out?: string | undefined
  /**
   * Worker threads; one per core unless given, one for large models on the tensorflow backend. Rows do not depend on it. Objects that were made in
   * code cannot be handed to threads: the runs stay in the calling one, and `jobs` can only be 1.
   */
  jobs?: number | undefined
  /** Run failed runs of an earlier start again. */
  retryFailed?: boolean | undefined
  /** Delete the rows that no config asks for any more, once the sweep is finished. Default false: they are kept apart. */
  prune?: boolean | undefined
  /** Let tasks such as HumanEval run the programs that models write, each isolated. Default false. */
  allowCode?: boolean | undefined
  /** TensorFlow.js backend. Default `auto`. */
  backend?: BackendName | undefined
  /** Stops the sweep; the same call resumes it. */
  signal?: AbortSignal | undefined
  /** Called for every row: those found in the folder first, then each as it is written. */
  onRow?: ((row: Row, progress: { done: number; planned: number; found: boolean }) => void) | undefined
  /** Called with a sentence: about what the selections of the experiment leave out, and about rows of earlier starts. */
  onNote?: ((text: string) => void) | undefined
}

/** What became of the runs of a sweep. */
export interface SweepCounts {
  /** Number of runs of the experiment. */
  planned: number
  /** Number of runs that have a row. */
  done: number
  /** Number of runs that failed. */
  failed: number
  /** False when the signal stopped the sweep. */
  finished: boolean
  /** Of the rows that have any, in the order of the plan. */
  warnings: {
    /** Id of the run. */
    id: string
    /** Label of its edit. */
    label: string
    /** What its editor or merger warns of. */
    warnings: string
  }[]
}

/** The rows of a sweep with their provenance, and what became of its runs. */
export interface SweepResults extends Results, SweepCounts {}

/** How one share of the runs is done. */
export interface ShardOptions extends SweepOptions {
  /** Which one: `{ index: 3, count: 16 }` is the third of 16. Its rows are in `shards` of the results folder (docs/clusters.md). */
  shard: Shard
}

const checkSweep = checkerOf<SweepOptions>('sweep', {
  plugins: given.plugins,
  out: given.word.optional(),
  jobs: given.count,
  retryFailed: given.flag,
  prune: given.flag,
  allowCode: given.flag,
  backend: given.backend,
  signal: z.instanceof(AbortSignal).optional(),
  onRow: given.callback,
  onNote: given.callback,
})
const checkPlan = checkerOf<PluginOptions>('plan', { plugins: given.plugins })

/**
 * Runs one share of an experiment, beside other processes that do the others. The same call without `shard` collects the rows.
 *
 * @param config as below
 * @param options those of a sweep, and the shard
 * @returns what became of the runs of the share that had no row in the results folder or in another shard
 * @throws UserError as below, and while another process does this shard or the whole
 */
export async function sweep(config: string | ExperimentConfig, options: ShardOptions): Promise<SweepCounts>
/**
 * Runs an experiment into a results folder. Runs that have a row there are not run again, also where the config has changed
 * since; rows that it does not ask for any more are kept apart in `unused`. Runs with editors, mergers or tasks that are objects
 * made in code are always run, because a changed object cannot be told from the same one; those of `loadPlugin` know their module.
 *
 * @param config path of the YAML file, name of a shipped experiment (`quickstart`), or the content of such a file as an object,
 *   in which editors, mergers and tasks may be objects
 * @param options results folder, threads, backend, and callbacks
 * @throws UserError before any work when something is wrong with the experiment or its inputs, or when the folder holds
 *   another experiment
 */
export async function sweep(config: string | ExperimentConfig, options?: SweepOptions): Promise<SweepResults>
export async function sweep(
  config: string | ExperimentConfig,
  given: SweepOptions & Partial<ShardOptions> = {},
): Promise<SweepResults | SweepCounts> {
  const { shard, ...options } = given ?? {}
  checkSweep(given && options)
  if (shard !== undefined) checkShard(shard)
  const experiment = await openExperiment(config, options)
  const { backend: asked = 'auto', retryFailed, prune, allowCode, signal, onRow, onNote } = options
  const found = await setBackend(asked)
  const folder = options.out ?? join('results', experiment.name)
  const outcome = await runSweep(experiment, {
    folder,
    shard,
    jobs: options.jobs,
    backend: { asked, found },
    ...(retryFailed !== undefined && { retryFailed }),
    ...(prune !== undefined && { prune }),
    ...(allowCode !== undefined && { allowCode }),
    ...(signal && { signal }),
    ...(onRow && { onRow }),
    ...(onNote && { onNote }),
  })
  return shard ? outcome : { ...(await readResults(folder)), ...outcome }
}

function checkShard(shard: Shard): void {
  const { index, count } = Object(shard) as Shard
  if (!Number.isInteger(index) || !Number.isInteger(count) || index < 1 || index > count || count > MOST_SHARDS)
    throw new UserError(
      `shard must be { index, count }, whole numbers with 1 ≤ index ≤ count ≤ ${MOST_SHARDS}, { index: 3, count: 16 } for example; got ${JSON.stringify(shard)}`,
    )
}

/** One run of a plan, in the words of its row. */
export interface PlannedRun {
  /** Id of the run: the same in every results folder. */
  id: string
  /** Name of the pair. */
  model: string
  /** Name of the task. */
  task: string
  /** Editor, or editors joined by `+`; null for a merge of unedited deltas. */
  editor: string | null
  /** Merger; null for an edit of one delta. */
  merger: string | null
  /** Name of the series in tables and figures. */
  label: string
  /** Every option, defaults included. */
  options: Record<string, unknown>
  /** Null for an edit that draws nothing at random. */
  seed: number | null
}

/**
 * The runs of an experiment in their order, with their ids. No weights are read.
 *
 * @param config path of the YAML file, name of a shipped experiment (`quickstart`), or the content of such a file as an object,
 *   in which editors, mergers and tasks may be objects
 * @param options plugins
 * @throws UserError with file, line and column when something is wrong with the experiment
 */
export async function plan(config: string | ExperimentConfig, options: PluginOptions = {}): Promise<PlannedRun[]> {
  checkPlan(options)
  const experiment = await openExperiment(config, options)
  return planRuns(experiment, identifyTasks(experiment)).map(({ id, pair, task, edit, seed }) => ({
    id,
    model: pair.name,
    task: task.name,
    editor: edit.editor,
    merger: edit.merge?.merger ?? null,
    label: edit.label,
    options: optionsOf(edit),
    seed,
  }))
}
