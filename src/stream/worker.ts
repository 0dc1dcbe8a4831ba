// A worker thread of the engine: answers what it is asked, in a memory of its own.
import { parentPort, workerData } from 'node:worker_threads'
import { PassError, type PassResult } from '../kernels/index.js'
import { packError } from './file-error.js'
import { openFileMachine, type ThreadQuestion } from './file-machine.js'
import type { StreamReply, StreamRequest } from './thread.js'

const machine = openFileMachine((workerData as { bytes: number }).bytes)

async function replyTo(id: number, question: ThreadQuestion): Promise<StreamReply> {
  try {
    return { id, result: await machine.answer(question) }
  } catch (error) {
    if (error instanceof PassError) return { id, stopped: { of: error.of, index: error.index, value: error.value } }
    return { id, error: packError(error) }
  }
}

parentPort!.on('message', async ({ id, ...question }: StreamRequest) => {
  const reply = await replyTo(id, question)
  const isPass = 'result' in reply && typeof reply.result !== 'string'
  parentPort!.postMessage(
    reply,
    isPass ? (reply.result as PassResult).answers.map(({ buffer }) => buffer as ArrayBuffer) : [],
  )
})
