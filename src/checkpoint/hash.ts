// The hash of a file, which says in ids and provenance what was read.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { checkFile } from '../schema/index.js'

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(file: string): Promise<string> {
  checkFile(file)
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}
