// What answers the questions of an engine: a machine that reads inputs and writes the output in place. It is in a worker thread, or in
// the thread of the program where there is little to do.
import { closeSync, openSync, writeSync } from 'node:fs'
import {
  type ByteMachine,
  type CopiedBytes,
  type FileBytes,
  type LossyMachine,
  type LossyPost,
  makeLossyMachine,
  makeMachine,
  makePieceMachine,
  type PassResult,
  type PieceFault,
  type PieceMachine,
  type PostPiece,
  type RestoredLossy,
  type RestoredPiece,
  type Storage,
  type TensorPass,
} from '../kernels/index.js'
import { type MadeInput, openMadeInputs } from './made.js'
import { readInto } from './read.js'

/** A pass, a checksum, a copy, or a piece as a record and back, exactly or with loss. */
export type ThreadQuestion =
  | { pass: TensorPass; made?: readonly MadeInput[] }
  | { check: FileBytes }
  | { copy: CopiedBytes }
  | { compress: PostPiece }
  | { restore: RestoredPiece | RestoredLossy }
  | { lose: LossyPost }
export type ThreadAnswer =
  | PassResult
  | ReturnType<
      ByteMachine['check' | 'copy'] | PieceMachine['compress' | 'restore'] | LossyMachine['compress' | 'restore']
    >

export interface FileMachine {
  /** @throws PassError, and errors of files */
  answer(question: ThreadQuestion): ThreadAnswer
  /** Closes its files. */
  close(): void
}

/** @param bytes of its memory for passes */
export function openFileMachine(bytes: number): FileMachine {
  const open = { r: new Map<string, number>(), 'r+': new Map<string, number>() }
  /** Handle of a file, which stays open. */
  const handleOf = (file: string, flags: keyof typeof open): number => {
    const known = open[flags].get(file)
    if (known !== undefined) return known
    const handle = openSync(file, flags)
    open[flags].set(file, handle)
    return handle
  }
  const storage: Storage = {
    read(file, target, position) {
      if (!made.read(file, target, position)) readInto(handleOf(file, 'r'), target, position, file)
    },
    write(file, part, position) {
      if (made.write(file, part)) return
      const handle = handleOf(file, 'r+')
      for (let done = 0; done < part.length; )
        done += writeSync(handle, part, done, part.length - done, position + done)
    },
  }
  // Each is made when it is first needed: a thread mostly needs one of them.
  let machine: ReturnType<typeof makeMachine> | undefined
  const passes = (): ReturnType<typeof makeMachine> => {
    machine ??= makeMachine(bytes, storage)
    return machine
  }
  let opened: PieceMachine | undefined
  const pieces = (): PieceMachine => {
    opened ??= makePieceMachine(storage)
    return opened
  }
  let lossy: LossyMachine | undefined
  const losing = (): LossyMachine => {
    lossy ??= makeLossyMachine(storage)
    return lossy
  }
  const restore = (piece: RestoredPiece | RestoredLossy): PieceFault =>
    'lossy' in piece ? losing().restore(piece) : pieces().restore(piece)
  const made = openMadeInputs(restore)
  return {
    answer(question) {
      if ('pass' in question) {
        made.make(question.pass.tensor, question.made ?? [])
        return passes().run(question.pass)
      }
      if ('compress' in question) return pieces().compress(question.compress)
      if ('restore' in question) return restore(question.restore)
      if ('lose' in question) return losing().compress(question.lose)
      return 'copy' in question ? passes().copy(question.copy) : passes().check(question.check)
    },
    close() {
      for (const handles of Object.values(open)) {
        for (const handle of handles.values()) closeSync(handle)
        handles.clear()
      }
    },
  }
}
