// Worker threads for work on whole tensors. A task says how much memory it takes, and begins when that much is free.
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { UserError } from '../errors/index.js'
import { packError, type SentError, unpackError } from './file-error.js'
import { freeArrays } from './garbage.js'

/** Work for one thread. */
export interface ThreadTask<M> {
  /** What errors call it. */
  name: string
  /** Plain data; a function makes it when the task begins. */
  message: M | (() => Promise<M>)
  /** Bytes of memory that it takes at its largest moment. */
  bytes: number
}

export interface TaskThreads {
  /** Module of the threads, which calls `answerTasks`. */
  script: URL
  /** What it is opened with: plain data. */
  data: unknown
  /** Most threads. */
  jobs: number
  /** Bytes for all threads together. */
  memory: number
  /** Bytes that each takes besides its tasks. */
  base: number
}

/**
 * Runs tasks in threads, those that take most memory first. Each must fit by itself.
 * @param done called with the number of a task and its answer
 * @throws the first error of a task, a thread or `done`, once all threads have stopped
 */
export async function runTasks<M, R>(
  tasks: readonly ThreadTask<M>[],
  options: TaskThreads,
  done: (i: number, answer: R) => Promise<void>,
): Promise<void> {
  if (tasks.length) await new TaskRun(tasks, options, done).run()
}

interface Thread {
  worker: Worker
  /** Number of the task that it works on. */
  task: number | null
  /** Most bytes of its tasks so far: a thread keeps the memory that it took. */
  held: number
  leaving: boolean
}

type Reply<R> = { result: R } | { error: SentError }

class TaskRun<M, R> {
  /** Numbers of the tasks that have not begun, the largest first. */
  private readonly waiting: number[]
  private readonly threads = new Set<Thread>()
  private left: number
  private settle: (error?: unknown) => void = () => {}

  constructor(
    private readonly tasks: readonly ThreadTask<M>[],
    private readonly options: TaskThreads,
    private readonly done: (i: number, answer: R) => Promise<void>,
  ) {
    this.waiting = [...tasks.keys()].sort((a, b) => tasks[b]!.bytes - tasks[a]!.bytes || a - b)
    this.left = tasks.length
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = (error) => {
        this.settle = () => {}
        this.waiting.length = 0
        const stopped = Promise.all([...this.threads].map((thread) => this.stop(thread)))
        stopped.then(() => (error === undefined ? resolve() : reject(error)), reject)
      }
      this.feed()
    })
  }

  /** Gives every thread that is free, and every new one, the largest task that fits. */
  private feed(): void {
    const idle = [...this.threads].filter(({ task, leaving }) => task === null && !leaving)
    for (const thread of idle) {
      const next = this.isInTheWay(thread) ? undefined : this.fitting(thread)
      if (next !== undefined) this.give(thread, next)
      else if (this.waiting.length) void this.stop(thread).then(() => this.feed())
    }
    while (this.threads.size < this.options.jobs) {
      const next = this.fitting()
      if (next === undefined) break
      this.give(this.start(), next)
    }
  }

  /** The largest task for this thread, or for a new one. */
  private fitting(own?: Thread): number | undefined {
    const free = this.freeBeside(own) - this.options.base
    return this.waiting.find((i) => this.tasks[i]!.bytes <= free)
  }

  /** Memory that the other threads leave. */
  private freeBeside(own?: Thread): number {
    const { memory, base } = this.options
    return [...this.threads].reduce((free, thread) => free - (thread === own ? 0 : base + thread.held), memory)
  }

  /** Whether two new threads could work in the memory that this one holds, where a second has no room beside it. */
  private isInTheWay(thread: Thread): boolean {
    const [first, second] = this.waiting.map((i) => this.tasks[i]!.bytes)
    if (second === undefined || this.threads.size === this.options.jobs) return false
    const free = this.freeBeside(thread) - 2 * this.options.base
    return second > free - thread.held && first! + second <= free
  }

  private give(thread: Thread, i: number): void {
    const { bytes, message } = this.tasks[i]!
    this.waiting.splice(this.waiting.indexOf(i), 1)
    thread.task = i
    thread.held = Math.max(thread.held, bytes)
    const send = (made: M) => thread.worker.postMessage(made)
    if (typeof message !== 'function') send(message)
    else
      (message as () => Promise<M>)()
        .then(send)
        .catch((error: unknown) => this.settle(error))
  }

  private start(): Thread {
    const worker = new Worker(this.options.script, { workerData: this.options.data })
    const thread: Thread = { worker, task: null, held: 0, leaving: false }
    this.threads.add(thread)
    worker.on('message', (reply: Reply<R>) => this.end(thread, reply).catch((error: unknown) => this.settle(error)))
    worker.on('error', (error: Error) => this.lose(thread, error.message))
    worker.on('exit', (code) => this.lose(thread, `exit code ${code}`))
    return thread
  }

  private async end(thread: Thread, reply: Reply<R>): Promise<void> {
    if ('error' in reply) throw unpackError(reply.error)
    const i = thread.task!
    thread.task = null
    this.feed()
    await this.done(i, reply.result)
    if (--this.left === 0) this.settle()
  }

  private async stop(thread: Thread): Promise<void> {
    thread.leaving = true
    await thread.worker.terminate()
    this.threads.delete(thread)
  }

  private lose(thread: Thread, why: string): void {
    if (thread.leaving) return
    const task = thread.task === null ? 'the work' : this.tasks[thread.task]!.name
    this.settle(new UserError(`${task}: its worker thread stopped: ${why.replace(/\s+/g, ' ').trim()}`))
  }
}

/** In a thread: answers the tasks of `runTasks`, one after the other. @param open is given `data`, before the first task */
export function answerTasks<D, M, R>(open: (data: D) => Promise<(message: M) => Promise<R>>): void {
  const opened = open(workerData as D)
  opened.catch(() => undefined) // said in the answer to the first task
  parentPort!.on('message', async (message: M) => {
    const reply: Reply<R> = await opened
      .then((answer) => answer(message))
      .then(
        (result) => ({ result }),
        (error: unknown) => ({ error: packError(error) }),
      )
    parentPort!.postMessage(reply)
    freeArrays()
  })
}
