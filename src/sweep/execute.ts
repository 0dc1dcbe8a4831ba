// Executes a plan into a results folder: runs that the folder has are skipped, the others run in the pool, and the finished file
// has its rows in the order of the plan.
import { availableParallelism } from 'node:os'
import type { Experiment } from '../config/index.js'
import { UserError } from '../errors/index.js'
import { checkUnchanged } from '../files/index.js'
import { hashPlan, methodNames, objectsOf, type PairContent, type Run } from '../plan/index.js'
import { track, type Work } from '../progress/index.js'
import {
  checkResults,
  checkUnlocked,
  type Meta,
  missingRuns,
  openStore,
  type Row,
  type Shard,
  type StorePlan,
  shardFolder,
  type WantedRun,
} from '../record/index.js'
import { modulesOf } from '../registry/index.js'
import { type Finished, failedRow } from '../run/index.js'
import type { BackendInfo, BackendName } from '../tensor/index.js'
import { type KeptFacts, openAnswerer } from './answer.js'
import { listJobs, type Shared } from './jobs.js'
import { type Job, type Outcome, runHere, runJobs } from './pool.js'
import { count, describeReuse } from './reuse.js'
import type { WorkerFacts } from './worker.js'

export interface SweepSettings {
  /** Results folder. */
  folder: string
  /** Only this share of the runs, into a folder of its own within the results folder. */
  shard?: Shard | undefined
  jobs: number
  /** Processor cores to use; all of the machine unless given. */
  cores?: number | undefined
  /** The backend that was asked for, and the one that was found. */
  backend: { asked: BackendName; found: BackendInfo }
  /** Runs that failed earlier are run again. */
  retryFailed?: boolean
  /** Lets tasks run the programs that models write. */
  allowCode?: boolean
  signal?: AbortSignal
  /** Called for every row that is in the folder: those found first, then each as it is written. */
  onRow?: (row: Row, progress: { done: number; planned: number; found: boolean }) => void
  /** Deletes the rows that no config asks for any more, once the sweep is finished. */
  prune?: boolean
  /** Called with a sentence: about tensors that the selections leave out, and about rows of earlier starts. */
  onNote?: (text: string) => void
  /** Another module for the threads (tests). */
  worker?: URL
}

export interface SweepOutcome {
  planned: number
  done: number
  failed: number
  /** Warnings of the rows that have any, in the order of the plan. */
  warnings: { id: string; label: string; warnings: string }[]
  /** False when the signal stopped the sweep; the same call resumes it. */
  finished: boolean
}

/** What the rows come from. */
export interface Origins {
  meta: Meta
  /** The inputs of a run, by their names in `meta`. */
  dependencies(run: Run): Pick<WantedRun, 'inputs' | 'folders'>
  /** The content of each pair, by its key. */
  contents: Readonly<Record<string, PairContent>>
}

/**
 * The part of a sweep after planning, which writes the results.
 * @throws UserError when the folder holds another experiment, or cannot be written
 */
export async function executePlan(
  experiment: Experiment,
  runs: readonly Run[],
  origins: Origins,
  options: SweepSettings,
): Promise<SweepOutcome> {
  const { folder, shard } = options
  if (!modulesOf(experiment.registry) && options.jobs > 1)
    throw new UserError(
      'a plugin that is given as an object cannot be handed to worker threads: give the path of its module, or jobs: 1',
    )
  if (!shard) return fillFolder(experiment, runs, origins, { ...options, into: folder })
  checkResults(folder, { meta: origins.meta, config: experiment.text })
  await checkUnlocked(folder, 'it does the runs of all shards; wait for it')
  const missing = await missingIds(experiment, runs, origins, options)
  if (!missing.size) return { planned: 0, done: 0, failed: 0, warnings: [], finished: true }
  const share = runs.filter(({ id }) => missing.has(id))
  const meta = { ...origins.meta, runs: share.length, config_hash: hashPlan(share) }
  return fillFolder(experiment, share, { ...origins, meta }, { ...options, into: shardFolder(folder, shard) })
}

/** Ids of the runs that have a row neither in the results folder nor in another shard. */
export async function missingIds(
  experiment: Experiment,
  runs: readonly Run[],
  origins: Origins,
  { folder, shard, retryFailed }: Pick<SweepSettings, 'folder' | 'shard' | 'retryFailed'>,
): Promise<Set<string>> {
  const missing = await missingRuns(folder, planOf(experiment, runs, origins), { but: shard, retryFailed })
  return new Set(missing.map(({ id }) => id))
}

const planOf = (experiment: Experiment, runs: readonly Run[], { meta, dependencies }: Origins): StorePlan => ({
  meta,
  config: experiment.text,
  runs: runs.map((run) => describeRun(run, experiment, dependencies(run))),
})

/** Does the runs that the folder `into` lacks. */
async function fillFolder(
  experiment: Experiment,
  runs: readonly Run[],
  origins: Origins,
  { into, ...options }: SweepSettings & { into: string },
): Promise<SweepOutcome> {
  const { contents } = origins
  const store = await openStore(into, planOf(experiment, runs, origins), options)
  try {
    for (const text of describeReuse(store, experiment, runs)) options.onNote?.(text)
    const outcome: SweepOutcome = { planned: runs.length, done: 0, failed: 0, warnings: [], finished: false }
    const warned = new Map<string, SweepOutcome['warnings'][number]>()
    const add = (row: Row, found: boolean) => {
      outcome.done++
      if (row.status === 'failed') outcome.failed++
      if (row.warnings) warned.set(row.id, { id: row.id, label: row.label, warnings: row.warnings })
      options.onRow?.(row, { done: outcome.done, planned: runs.length, found })
    }
    for (const row of store.found.values()) add(row, true)

    const shared: Shared = new Map()
    const missing = new Map(runs.filter((run) => !store.found.has(run.id)).map((run) => [run.id, run]))
    const done = async (job: Job, result: Outcome) => {
      const run = missing.get(job.id)
      if (!run) {
        shared.set(job.id, result)
        return
      }
      const { row, terms } =
        'error' in result
          ? { row: failedRow(experiment.name, run, result.error), terms: [] }
          : (result.value as Finished)
      for (const { states } of Object.values(contents)) await checkUnchanged(states)
      await store.append(row, terms)
      add(row, false)
    }
    const jobs = listJobs(experiment, [...missing.values()], shared)
    await track({ name: experiment.name, unit: 'runs', total: runs.length }, (work) => {
      work.found(store.found.size)
      return executeJobs(experiment, jobs, { ...options, work, contents }, done)
    })
    outcome.warnings = runs.flatMap(({ id }) => warned.get(id) ?? [])
    outcome.finished = outcome.done === runs.length
    if (outcome.finished) {
      const ids = runs.map((run) => run.id)
      const pruned = await store.finish(ids, new Date().toISOString())
      if (pruned) options.onNote?.(`${into}: ${count(pruned, 'row')} that no config asks for deleted`)
    }
    return outcome
  } finally {
    await store.close()
  }
}

/** What the row of a run depends on. */
const describeRun = (
  run: Run,
  { registry }: Experiment,
  dependencies: ReturnType<Origins['dependencies']>,
): WantedRun => ({
  id: run.id,
  ...dependencies,
  methods: methodNames(run.edit),
  objects: objectsOf(run, registry),
})

/** In worker threads, or in this one where a plugin cannot leave it. */
async function executeJobs(
  { name: experiment, score, loss, registry }: Experiment,
  jobs: readonly Job[],
  {
    backend,
    allowCode,
    signal,
    work,
    contents,
    ...options
  }: SweepSettings & { work: Work } & Pick<Origins, 'contents'>,
  done: (job: Job, outcome: Outcome) => Promise<void>,
): Promise<void> {
  const measures = { score, loss, allowCode }
  const plugins = modulesOf(registry)
  const kept: KeptFacts = {
    folder: options.folder,
    backend: `${backend.found.name} ${backend.found.package}`,
    contents,
  }
  if (plugins) {
    const cores = options.cores ?? availableParallelism()
    const threads = Math.max(1, Math.floor(cores / Math.min(options.jobs, jobs.length)))
    const workerData: WorkerFacts = { experiment, backend: backend.asked, measures, plugins, kept, threads }
    const worker = options.worker ?? new URL('./worker.js', import.meta.url)
    return runJobs(jobs, { jobs: options.jobs, worker, workerData, signal, work }, (job, outcome) => {
      work.add(job.share)
      return done(job, outcome)
    })
  }
  const { answer, close } = openAnswerer({
    experiment,
    backend: backend.found.name,
    measures,
    registry,
    kept: { ...kept, folder: undefined },
  })
  return runHere(jobs, answer, { signal, work }, done).finally(close)
}
