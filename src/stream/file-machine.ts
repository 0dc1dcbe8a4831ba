// What answers the questions of an engine: a machine that reads inputs and writes the output in place. It is in a worker thread, or in
// the thread of the program where there is little to do.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { type CopiedBytes, makeMachine, type PassResult, type TensorPass, type WrittenBytes } from '../kernels/index.js'
import { readInto } from './read.js'

/** A pass, the checksum of what is written or copied, or the SHA-256 of a file. */
export type ThreadQuestion = { pass: TensorPass } | { check: WrittenBytes } | { copy: CopiedBytes } | { hash: string }
export type ThreadAnswer = PassResult | string

export interface FileMachine {
  /** @throws PassError, and errors of files */
  answer(question: ThreadQuestion): ThreadAnswer | Promise<ThreadAnswer>
  /** Closes its files. */
  close(): void
}

/** @param bytes of its memory */
export function openFileMachine(bytes: number): FileMachine {
  const open = new Map<string, number>()
  /** Handle of a file, which stays open. */
  const handleOf = (file: string, flags: 'r' | 'r+'): number => {
    const key = `${flags} ${file}`
    const known = open.get(key)
    if (known !== undefined) return known
    const handle = openSync(file, flags)
    open.set(key, handle)
    return handle
  }
  const machine = makeMachine(bytes, {
    read(file, target, position) {
      readInto(handleOf(file, 'r'), target, position, file)
    },
    write(file, part, position) {
      const handle = handleOf(file, 'r+')
      for (let done = 0; done < part.length; )
        done += writeSync(handle, part, done, part.length - done, position + done)
    },
  })
  return {
    answer(question) {
      if ('pass' in question) return machine.run(question.pass)
      if ('copy' in question) return machine.copy(question.copy)
      return 'check' in question ? machine.check(question.check) : hashFile(question.hash)
    },
    close() {
      for (const handle of open.values()) closeSync(handle)
      open.clear()
    },
  }
}

/** Bytes that are read at a time, and those after which the thread looks up. */
const PART = 1 << 18
const LONG = 1 << 26

/** SHA-256 of a file, hexadecimal. */
async function hashFile(path: string): Promise<string> {
  const file = openSync(path, 'r')
  try {
    const hash = createHash('sha256')
    const part = new Uint8Array(PART)
    for (let count: number, done = 0; (count = readSync(file, part)); done += count) {
      hash.update(part.subarray(0, count))
      if (done % LONG > (done + count) % LONG) await setImmediate()
    }
    return hash.digest('hex')
  } finally {
    closeSync(file)
  }
}
