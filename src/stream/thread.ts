// Who does the work of an engine: worker threads, or the thread of the program itself.
import { setImmediate } from 'node:timers/promises'
import { PassError } from '../kernels/index.js'
import { leftThreads, takeThread } from './begun.js'
import { type SentError, unpackError } from './file-error.js'
import { openFileMachine, type ThreadAnswer, type ThreadQuestion } from './file-machine.js'

export type StreamRequest = { id: number } & ThreadQuestion

/** The first message to a thread. */
export interface ThreadStart {
  /** Of its memory. */
  bytes: number
}

export type StreamReply = { id: number } & (
  | { result: ThreadAnswer }
  | { stopped: Pick<PassError, 'of' | 'index' | 'value'> }
  | { error: SentError }
)

export interface Thread {
  ask(question: ThreadQuestion): Promise<ThreadAnswer>
  /** Ends it, also in the middle of its work. */
  close(): Promise<unknown>
}

/** The thread of the program. It looks up between the questions. @param bytes of memory */
export function useOwnThread(bytes: number): Thread {
  const { answer, close } = openFileMachine(bytes)
  return {
    async ask(question) {
      await setImmediate()
      return answer(question)
    },
    close: async () => close(),
  }
}

/** The buffers of computed inputs, which a thread takes over. */
const ownedBy = (question: ThreadQuestion): ArrayBuffer[] =>
  !('pass' in question)
    ? []
    : [question.pass.base, ...question.pass.models].flatMap((source) =>
        source && 'values' in source ? [source.values.buffer as ArrayBuffer] : [],
      )

/** A worker thread. @param bytes of memory */
export function startThread(bytes: number): Thread {
  const worker = takeThread()
  worker.postMessage({ bytes } satisfies ThreadStart)
  const open = new Map<number, { resolve(result: ThreadAnswer): void; reject(error: Error): void }>()
  let count = 0
  worker.on('message', (reply: StreamReply) => {
    const { resolve, reject } = open.get(reply.id)!
    open.delete(reply.id)
    if ('result' in reply) resolve(reply.result)
    else if ('error' in reply) reject(unpackError(reply.error))
    else reject(new PassError(reply.stopped.of, reply.stopped.index, reply.stopped.value))
  })
  // A thread ends by itself only when it fails: what it was asked then, and what it is asked later, fails too.
  let failure: Error | undefined
  const fail = (error: Error) => {
    failure ??= error
    for (const { reject } of open.values()) reject(failure)
    open.clear()
  }
  worker.on('error', fail)
  worker.on('exit', (code) => fail(new Error(`a worker thread ended with exit code ${code}`)))
  return {
    ask(question) {
      const id = count++
      return new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        open.set(id, { resolve, reject })
        worker.postMessage({ id, ...question } satisfies StreamRequest, ownedBy(question))
      })
    },
    close: () => Promise.all([worker, ...leftThreads()].map((each) => each.terminate())),
  }
}
