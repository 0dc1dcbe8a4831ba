// The hash of a file, which says in ids and provenance what was read.
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import { track } from '../progress/index.js'
import { checkFile } from '../schema/index.js'

/** From so many bytes on it takes a while. */
const LARGE = 1 << 24

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(file: string): Promise<string> {
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
