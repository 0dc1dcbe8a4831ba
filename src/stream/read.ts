// Reads bytes of a file whose header says that they are there.
import { readSync } from 'node:fs'
import { UserError } from '../errors/index.js'

/**
 * Fills `target` with the bytes from `position` on.
 * @param file its path, for the error
 * @throws UserError where the file ends before
 */
export function readInto(handle: number, target: Uint8Array, position: number, file: string): void {
  for (let done = 0; done < target.length; ) {
    const count = readSync(handle, target, done, target.length - done, position + done)
    if (!count) throw new UserError(`${file}: ends inside a tensor: the file changed while it was read`)
    done += count
  }
}
