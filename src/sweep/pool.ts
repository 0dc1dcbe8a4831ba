// A pool of worker threads. A job that throws, or whose thread dies, fails alone; the thread is replaced and the rest goes on.
import { Worker } from 'node:worker_threads'

export interface Job {
  id: string
  /** What the worker is sent, made when the job starts, when the jobs it waits for have their results. */
  message: () => unknown
  /** Ids of the jobs that must have ended before this one starts. */
  after?: readonly string[]
  /** Jobs of one affinity go to one worker where possible: it has their weights loaded. */
  affinity: string
}

export type Outcome = { value: unknown } | { error: string }

export interface PoolOptions {
  /** Number of threads at most. */
  jobs: number
  /** Module run by the threads: answers every `{ id, message }` with `{ id, value }` or `{ id, error }`. */
  worker: URL
  workerData?: unknown
  /** Stops the threads at once; jobs under way have no outcome. */
  signal?: AbortSignal | undefined
}

interface Thread {
  worker: Worker
  job?: Job | undefined
  affinity?: string
  death?: string
}

/**
 * Runs every job and awaits `done` for each outcome. Resolves when all have ended or the signal stopped them.
 * @throws whatever `done` throws (then the threads are stopped)
 */
export async function runJobs(
  jobs: readonly Job[],
  options: PoolOptions,
  done: (job: Job, outcome: Outcome) => Promise<void>,
): Promise<void> {
  if (jobs.length === 0 || options.signal?.aborted) return
  const waiting = [...jobs]
  const ended = new Set<string>()
  const threads = new Set<Thread>()
  let open = jobs.length
  let stopped = false
  await new Promise<void>((resolve, reject) => {
    const stop = (error?: unknown) => {
      stopped = true
      options.signal?.removeEventListener('abort', abort)
      const all = [...threads]
      threads.clear()
      void Promise.all(all.map((thread) => thread.worker.terminate())).then(() =>
        error === undefined ? resolve() : reject(error),
      )
    }
    const abort = () => stop()
    options.signal?.addEventListener('abort', abort)

    const end = (thread: Thread, outcome: Outcome) => {
      const job = thread.job!
      thread.job = undefined
      done(job, outcome).then(() => {
        ended.add(job.id)
        open--
        if (open === 0) stop()
        else if (!stopped) feed()
      }, stop)
    }
    /** Takes the next job that waits for nothing, of this affinity where there is one. */
    const take = (affinity?: string) => {
      const ready = waiting.filter((job) => (job.after ?? []).every((id) => ended.has(id)))
      const job = ready.find((each) => each.affinity === affinity) ?? ready[0]
      if (job) waiting.splice(waiting.indexOf(job), 1)
      return job
    }
    const give = (thread: Thread, job: Job) => {
      thread.job = job
      thread.affinity = job.affinity
      try {
        thread.worker.postMessage({ id: job.id, message: job.message() })
      } catch (error) {
        end(thread, { error: describe(error) })
      }
    }
    const start = () => {
      const thread: Thread = { worker: new Worker(options.worker, { workerData: options.workerData }) }
      threads.add(thread)
      thread.worker.on('message', (answer: Outcome & { id: string }) => {
        if (threads.has(thread) && answer.id === thread.job?.id) end(thread, answer)
      })
      thread.worker.on('error', (error) => (thread.death = describe(error)))
      thread.worker.on('exit', (code) => {
        if (!threads.delete(thread)) return
        if (thread.job) end(thread, { error: `its worker stopped: ${thread.death ?? `exit code ${code}`}` })
      })
      return thread
    }
    const feed = () => {
      for (const thread of threads) {
        const job = thread.job ? undefined : take(thread.affinity)
        if (job) give(thread, job)
      }
      while (threads.size < options.jobs) {
        const job = take()
        if (!job) break
        give(start(), job)
      }
    }
    feed()
  })
}

/** The same in this thread, one job after the other; no job of the list stands before one that it waits for. */
export async function runHere(
  jobs: readonly Job[],
  answer: (message: never) => Promise<unknown>,
  signal: AbortSignal | undefined,
  done: (job: Job, outcome: Outcome) => Promise<void>,
): Promise<void> {
  for (const job of jobs) {
    if (signal?.aborted) return
    const outcome = await Promise.resolve()
      .then(() => answer(job.message() as never))
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error: describe(error) }),
      )
    await done(job, outcome)
  }
}

/** An error on one line, without its stack. */
export function describe(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replace(/\s+/g, ' ').trim()
}
