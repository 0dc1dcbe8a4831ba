// The hash of a file, which says in ids and provenance what was read.
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import { track } from '../progress/index.js'
import { checkFile } from '../schema/index.js'
import { type MadeFile, madeFile } from './made-file.js'

/** From so many bytes on it takes a while. */
const LARGE = 1 << 24

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(file: string): Promise<string> {
  const made = madeFile(file)
  if (made?.sha256 !== undefined) return made.sha256
  if (made) return hashMade(made)
  checkFile(file)
  const hash = createHash('sha256')
  const read = async (onBytes: (bytes: number) => void) => {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      onBytes(chunk.length)
    }
  }
  const { size } = statSync(file)
  if (size < LARGE) await read(() => undefined)
  else await track({ name: `hash ${basename(file)}`, unit: 'bytes', total: size }, ({ add }) => read(add))
  return hash.digest('hex')
}

/** By all of its bytes. */
async function hashMade({ size, fill }: MadeFile): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += 1 << 20) {
    const part = new Uint8Array(Math.min(1 << 20, size - at))
    await fill(part, at)
    hash.update(part)
  }
  return hash.digest('hex')
}
