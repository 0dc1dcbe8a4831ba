// How a delta file is known.
import { stat } from 'node:fs/promises'
import { readHeader } from '../checkpoint/index.js'

/** The key of its metadata with the version of the format. */
export const MARK = 'deltalab_delta'

/** Whether a path is that of a delta file. */
export async function isDeltaFile(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null)
  if (!info?.isFile()) return false
  if (path.endsWith('.delta')) return true
  return readHeader(path).then(
    ({ metadata }) => MARK in metadata,
    () => false,
  )
}
