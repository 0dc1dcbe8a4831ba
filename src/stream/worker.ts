// A worker thread of the engine: runs passes in a memory of its own, reads inputs and writes the output in place.
import { closeSync, openSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { makeMachine, PassError } from '../kernels/index.js'
import type { StreamReply, StreamRequest, ThreadAnswer, ThreadQuestion } from './engine.js'
import { packError } from './file-error.js'
import { readInto } from './read.js'

const open = new Map<string, number>()

/** Handle of a file, which stays open. */
function handleOf(file: string, flags: 'r' | 'r+'): number {
  const key = `${flags} ${file}`
  const known = open.get(key)
  if (known !== undefined) return known
  const handle = openSync(file, flags)
  open.set(key, handle)
  return handle
}

const machine = makeMachine((workerData as { bytes: number }).bytes, {
  read(file, target, position) {
    readInto(handleOf(file, 'r'), target, position, file)
  },
  write(file, bytes, position) {
    const handle = handleOf(file, 'r+')
    for (let done = 0; done < bytes.length; )
      done += writeSync(handle, bytes, done, bytes.length - done, position + done)
  },
})

function answerOf(asked: ThreadQuestion): ThreadAnswer {
  if ('pass' in asked) return machine.run(asked.pass)
  return 'copy' in asked ? machine.copy(asked.copy) : machine.check(asked.check)
}

function answer({ id, ...asked }: Exclude<StreamRequest, 'close'>): StreamReply {
  try {
    return { id, result: answerOf(asked) }
  } catch (error) {
    if (error instanceof PassError) return { id, stopped: { of: error.of, index: error.index, value: error.value } }
    return { id, error: packError(error) }
  }
}

parentPort!.on('message', (request: StreamRequest) => {
  if (request === 'close') {
    for (const handle of open.values()) closeSync(handle)
    parentPort!.close()
  } else {
    const reply = answer(request)
    parentPort!.postMessage(
      reply,
      'result' in reply && typeof reply.result !== 'string'
        ? reply.result.answers.map(({ buffer }) => buffer as ArrayBuffer)
        : [],
    )
  }
})
