// Whether bytes of two files are the same.
import { createHash } from 'node:crypto'
import { openFile } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { OpenFile } from '../torch/index.js'

/** Bytes that are read first, since most tensors differ there, and later. */
const [FIRST, LATER] = [1 << 12, 1 << 20]

async function fill(opened: OpenFile, target: Uint8Array, position: number, file: string): Promise<void> {
  if ((await opened.read(target, position)) < target.length) throw new UserError(`${file}: changed while it was read`)
}

/** Compares so many bytes. */
export async function isSame(
  one: { file: string; begin: number },
  two: { file: string; begin: number },
  bytes: number,
): Promise<boolean> {
  const [first, second] = await Promise.all([openFile(one.file), openFile(two.file)])
  try {
    for (let at = 0; at < bytes; ) {
      const length = Math.min(at ? LATER : FIRST, bytes - at)
      const [a, b] = [Buffer.alloc(length), Buffer.alloc(length)]
      await Promise.all([fill(first, a, one.begin + at, one.file), fill(second, b, two.begin + at, two.file)])
      if (!a.equals(b)) return false
      at += length
    }
    return true
  } finally {
    await Promise.all([first.close(), second.close()])
  }
}

/** SHA-256 of the first bytes, by which most that differ are told apart. */
export async function hashOfStart({ file, begin }: { file: string; begin: number }, bytes: number): Promise<string> {
  const handle = await openFile(file)
  try {
    const start = Buffer.alloc(Math.min(FIRST!, bytes))
    await fill(handle, start, begin, file)
    return createHash('sha256').update(start).digest('hex')
  } finally {
    await handle.close()
  }
}
