// A pool of worker threads. If a job throws or its thread dies, only that job fails; the thread is replaced.
import { Worker } from 'node:worker_threads'
import type { Progress, Work } from '../progress/index.js'

export interface Job {
  id: string
  /** Makes the message for the worker. Called when the job starts: the jobs it waits for have ended by then. */
  message: () => unknown
  /** Ids of the jobs that must end before this one starts. */
  after?: readonly string[]
  /** How much of the runs it is: 1, or 0 for what several of them share. */
  share: number
  /** Jobs with the same affinity go to the same worker where possible, because it has their weights loaded. */
  affinity: string
}

export type Outcome = { value: unknown } | { error: string }

export interface PoolOptions {
  /** Largest number of threads. */
  jobs: number
  /** Module run by the threads: answers every `{ id, message }` with `{ id, value }` or `{ id, error }`, and may send `{ progress }`. */
  worker: URL
  workerData?: unknown
  /** Stops the threads at once; jobs under way have no outcome. */
  signal?: AbortSignal | undefined
  /** The work that the jobs are. */
  work: Pick<Work, 'relay'>
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
  if (jobs.length > 0 && !options.signal?.aborted) await new Pool(jobs, options, done).run()
}

class Pool {
  private readonly waiting: Job[]
  private readonly ended = new Set<string>()
  private readonly threads = new Set<Thread>()
  /** Number of jobs that have not ended. */
  private open: number
  private stopped = false
  private settle: (error?: unknown) => void = () => {}

  constructor(
    jobs: readonly Job[],
    private readonly options: PoolOptions,
    private readonly done: (job: Job, outcome: Outcome) => Promise<void>,
  ) {
    this.waiting = [...jobs]
    this.open = jobs.length
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = (error) => (error === undefined ? resolve() : reject(error))
      this.options.signal?.addEventListener('abort', this.abort)
      this.feed()
    })
  }

  private readonly abort = () => this.stop()

  private stop(error?: unknown): void {
    this.stopped = true
    this.options.signal?.removeEventListener('abort', this.abort)
    const all = [...this.threads]
    this.threads.clear()
    void Promise.all(all.map((thread) => thread.worker.terminate())).then(() => this.settle(error))
  }

  private feed(): void {
    for (const thread of this.threads) {
      const job = thread.job ? undefined : this.take(thread.affinity)
      if (job) this.give(thread, job)
    }
    while (this.threads.size < this.options.jobs) {
      const job = this.take()
      if (!job) break
      this.give(this.start(), job)
    }
  }

  /** Takes the next job that is ready, with this affinity if there is one. */
  private take(affinity?: string): Job | undefined {
    const ready = this.waiting.filter((job) => (job.after ?? []).every((id) => this.ended.has(id)))
    const job = ready.find((each) => each.affinity === affinity) ?? ready[0]
    if (job) this.waiting.splice(this.waiting.indexOf(job), 1)
    return job
  }

  private start(): Thread {
    const { worker, workerData } = this.options
    const thread: Thread = { worker: new Worker(worker, { workerData }) }
    this.threads.add(thread)
    thread.worker.on('message', (answer: (Outcome & { id: string }) | { progress: Progress }) => {
      if ('progress' in answer) this.options.work.relay(answer.progress, thread.job?.share ?? 0)
      else if (this.threads.has(thread) && answer.id === thread.job?.id) this.end(thread, answer)
    })
    thread.worker.on('error', (error) => (thread.death = describe(error)))
    thread.worker.on('exit', (code) => {
      if (!this.threads.delete(thread)) return
      if (thread.job) this.end(thread, { error: `its worker stopped: ${thread.death ?? `exit code ${code}`}` })
    })
    return thread
  }

  private give(thread: Thread, job: Job): void {
    thread.job = job
    thread.affinity = job.affinity
    try {
      thread.worker.postMessage({ id: job.id, message: job.message() })
    } catch (error) {
      this.end(thread, { error: describe(error) })
    }
  }

  private end(thread: Thread, outcome: Outcome): void {
    const job = thread.job!
    thread.job = undefined
    this.done(job, outcome).then(
      () => {
        this.ended.add(job.id)
        this.open--
        if (this.open === 0) this.stop()
        else if (!this.stopped) this.feed()
      },
      (error: unknown) => this.stop(error),
    )
  }
}

/** Runs the jobs in this thread, one after the other. In the list, a job must come after those it waits for. */
export async function runHere(
  jobs: readonly Job[],
  answer: (message: never) => Promise<unknown>,
  { signal, work }: { signal?: AbortSignal | undefined; work: Pick<Work, 'part'> },
  done: (job: Job, outcome: Outcome) => Promise<void>,
): Promise<void> {
  for (const job of jobs) {
    if (signal?.aborted) return
    const outcome = await Promise.resolve()
      .then(() => work.part(job.share, () => answer(job.message() as never)))
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
