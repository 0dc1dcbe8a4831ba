// A plan executed into a results folder: what the folder has is skipped, the rest runs in the pool, rows end in plan order.
import type { Experiment } from '../config/index.js'
import { openStore, type Meta, type Row } from '../record/index.js'
import type { BackendInfo, BackendName } from '../tensor/index.js'
import { failedRow, type Finished } from './columns.js'
import { pairKey, type Run } from './plan.js'
import { runJobs, type Job } from './pool.js'
import type { Reference } from './reference.js'
import type { Message, WorkerFacts } from './worker.js'

export interface SweepOptions {
  /** Results folder. */
  folder: string
  jobs: number
  /** What the workers are to use, and what that was found to be. */
  backend: { asked: BackendName; found: BackendInfo }
  /** Tries failed runs of an earlier start again. */
  retryFailed?: boolean
  signal?: AbortSignal
  /** Called for every row that is in the folder: those found first, then each as it is written. */
  onRow?: (row: Row, progress: { done: number; planned: number; found: boolean }) => void
  /** Another module for the threads (tests). */
  worker?: URL
}

export interface Outcome {
  planned: number
  done: number
  failed: number
  /** False when the signal stopped the sweep; the same call goes on from there. */
  finished: boolean
}

/**
 * The part of a sweep after planning: everything that writes.
 * @throws UserError when the folder holds other results, or cannot be written
 */
export async function executePlan(experiment: Experiment, runs: readonly Run[], meta: Meta, options: SweepOptions): Promise<Outcome> {
  const store = await openStore(options.folder, meta, experiment.text, { retryFailed: options.retryFailed })
  try {
    const outcome: Outcome = { planned: runs.length, done: 0, failed: 0, finished: false }
    const count = (row: Row, found: boolean) => {
      outcome.done++
      if (row.status === 'failed') outcome.failed++
      options.onRow?.(row, { done: outcome.done, planned: runs.length, found })
    }
    for (const row of store.found.values()) count(row, true)

    const references = new Map<string, Reference | { error: string }>()
    const missing = new Map(runs.filter((run) => !store.found.has(run.id)).map((run) => [run.id, run]))
    const workerData: WorkerFacts = {
      experiment: experiment.name,
      backend: options.backend.asked,
      measures: { score: experiment.score, loss: experiment.loss },
    }
    const pool = {
      jobs: options.jobs,
      worker: options.worker ?? new URL('./worker.js', import.meta.url),
      workerData,
      signal: options.signal,
    }
    await runJobs(listJobs([...missing.values()], references), pool, async (job, result) => {
      const run = missing.get(job.id)
      if (!run) {
        references.set(job.id, 'error' in result ? result : (result.value as Reference))
        return
      }
      const { row, terms } =
        'error' in result ? { row: failedRow(experiment.name, run, result.error), terms: [] } : (result.value as Finished)
      await store.append(row, terms)
      count(row, false)
    })
    outcome.finished = outcome.done === runs.length
    if (outcome.finished)
      await store.finish(
        runs.map((run) => run.id),
        new Date().toISOString(),
      )
    return outcome
  } finally {
    await store.close()
  }
}

/** For each model and task its reference, then the runs that wait for it. */
function listJobs(runs: readonly Run[], references: ReadonlyMap<string, Reference | { error: string }>): Job[] {
  const groups = new Map<string, Run[]>()
  for (const run of runs) {
    const name = `reference ${run.pair.name} ${run.task.name}`
    groups.set(name, [...(groups.get(name) ?? []), run])
  }
  return [...groups].flatMap(([name, members]): Job[] => {
    const { pair, task } = members[0]
    const needsGradient = members.some((run) => run.edit.needsGradient)
    const first: Message = { kind: 'reference', pair, task, needsGradient }
    return [
      { id: name, affinity: pairKey(pair), message: () => first },
      ...members.map((run): Job => ({
        id: run.id,
        affinity: pairKey(pair),
        after: name,
        message: (): Message => {
          const reference = references.get(name)!
          if ('error' in reference) throw new Error(`base and post-trained model could not be measured: ${reference.error}`)
          return { kind: 'run', run, reference }
        },
      })),
    ]
  })
}
