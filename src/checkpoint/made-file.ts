// Files that are not on the disk as they are: their bytes are made when they are read. All that reads weights opens files here.
import { open } from 'node:fs/promises'
import type { MadePiece } from '../stream/index.js'
import type { OpenFile } from '../torch/index.js'

export interface MadeFile {
  size: number
  /** SHA-256 of its bytes, hexadecimal, where that is known. */
  sha256: string | undefined
  /** The file on the disk that its bytes come from. */
  source: string
  /** Fills the target with the bytes from a position on, which are there. */
  fill(target: Uint8Array, position: number): Promise<void>
  /** The same bytes as threads make them: the pieces that they are in. */
  pieces(position: number, bytes: number): Promise<readonly MadePiece[]>
}

/** By path. What lies there on the disk is empty. */
const made = new Map<string, MadeFile>()

/** @returns what takes it away again */
export function addMadeFile(path: string, file: MadeFile): () => void {
  made.set(path, file)
  return () => void made.delete(path)
}

/** Undefined for a file of the disk. */
export const madeFile = (path: string): MadeFile | undefined => made.get(path)

/** @throws errors of the system for a file that cannot be opened */
export async function openFile(path: string): Promise<OpenFile> {
  const file = made.get(path)
  if (file)
    return {
      size: file.size,
      async read(target, position) {
        const count = Math.max(0, Math.min(target.length, file.size - position))
        await file.fill(target.subarray(0, count), position)
        return count
      },
      close: async () => undefined,
    }
  const handle = await open(path)
  return {
    size: (await handle.stat()).size,
    async read(target, position) {
      let done = 0
      while (done < target.length) {
        const { bytesRead } = await handle.read(target, done, Math.min(target.length - done, 1 << 30), position + done)
        if (!bytesRead) break
        done += bytesRead
      }
      return done
    },
    close: () => handle.close(),
  }
}
