// A worker thread of the engine: answers what it is asked, in a memory of its own.
import { parentPort } from 'node:worker_threads'
import { PassError } from '../kernels/index.js'
import { packError } from './file-error.js'
import { type FileMachine, openFileMachine, type ThreadQuestion } from './file-machine.js'
import { freeArrays } from './garbage.js'
import type { StreamReply, StreamRequest, ThreadStart } from './thread.js'

function replyTo(machine: FileMachine, id: number, question: ThreadQuestion): StreamReply {
  try {
    return { id, result: machine.answer(question) }
  } catch (error) {
    if (error instanceof PassError) return { id, stopped: { of: error.of, index: error.index, value: error.value } }
    return { id, error: packError(error) }
  }
}

/** The buffers that a reply gives away. */
function buffersOf(reply: StreamReply): ArrayBuffer[] {
  if (!('result' in reply) || typeof reply.result !== 'object' || reply.result === null) return []
  if ('answers' in reply.result) return reply.result.answers.map(({ buffer }) => buffer as ArrayBuffer)
  if (!('record' in reply.result)) return []
  const { record, ...others } = reply.result
  const change = 'change' in others ? others.change : undefined
  return [record, ...(change ? [change] : [])].map(({ buffer }) => buffer as ArrayBuffer)
}

parentPort!.once('message', ({ bytes }: ThreadStart) => {
  const machine = openFileMachine(bytes)
  parentPort!.on('message', ({ id, ...question }: StreamRequest) => {
    const reply = replyTo(machine, id, question)
    parentPort!.postMessage(reply, buffersOf(reply))
    if ('lose' in question) freeArrays()
  })
})
