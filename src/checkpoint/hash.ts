// The hash of a file, which says in ids and provenance what was read.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { track } from '../progress/index.js'
import { checkFile } from '../schema/index.js'
import { type MadeFile, madeFile } from './made-file.js'

/** From so many bytes on it takes a while. */
const LARGE = 1 << 24
/** Bytes that are read at a time. */
const READ = 1 << 20

/** SHA-256 of a file, hexadecimal. It shows how far it is. */
export async function hashFile(file: string): Promise<string> {
  if (madeFile(file)) return readHash(file)
  checkFile(file)
  const { size } = statSync(file)
  if (size < LARGE) return readHash(file)
  return track({ name: `hash ${basename(file)}`, unit: 'bytes', total: size }, ({ add }) => readHash(file, add))
}

/** The same, within other work. */
export async function readHash(file: string, onBytes: (bytes: number) => void = () => undefined): Promise<string> {
  const made = madeFile(file)
  if (made?.sha256 !== undefined) return made.sha256
  if (made) return hashMade(made)
  const hash = createHash('sha256')
  const handle = await open(file)
  try {
    const buffer = Buffer.alloc(READ)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, READ)
      if (!bytesRead) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
      onBytes(bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/** By all of its bytes. */
async function hashMade({ size, fill }: MadeFile): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += READ) {
    const part = new Uint8Array(Math.min(READ, size - at))
    await fill(part, at)
    hash.update(part)
  }
  return hash.digest('hex')
}
