// What candidates change, in a temporary file: it is made once, and read by parts wherever it is asked for.
import { closeSync, ftruncateSync, openSync, readSync, statfsSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { amount, UserError } from '../errors/index.js'
import { makeTemporary } from '../files/index.js'

export interface ChangeFile {
  /** Gives each change its place, of so many float32 entries; all are 0. @throws UserError where the disk has no room for them */
  reserve(sizes: readonly number[]): void
  /** A part of a change, by its number, from an entry on. */
  write(at: number, from: number, change: Float32Array): void
  read(at: number, from: number, to: Float32Array): void
  remove(): void
}

type Move = (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => number

export function openChanges(): ChangeFile {
  const { path, remove } = makeTemporary('changes')
  const file = openSync(join(path, 'changes'), 'wx+')
  const starts: number[] = []
  const pass = (move: Move, at: number, from: number, values: Float32Array): void => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    for (let done = 0; done < bytes.length; )
      done += move(file, bytes, done, bytes.length - done, starts[at]! + 4 * from + done)
  }
  return {
    reserve(sizes) {
      let end = 0
      for (const size of sizes) {
        starts.push(end)
        end += 4 * size
      }
      const { bavail, bsize } = statfsSync(path)
      if (end > bavail * bsize)
        throw new UserError(
          `${dirname(path)}: the changes of all codecs need ${amount(end)} for a while, and ${amount(bavail * bsize)} are free; set TMPDIR to a folder with room`,
        )
      ftruncateSync(file, end)
    },
    write: (at, from, change) => pass(writeSync, at, from, change),
    read: (at, from, to) => pass(readSync, at, from, to),
    remove() {
      closeSync(file)
      remove()
    },
  }
}
