// Which files were read: what is computed from them holds only while they are the same.
import { stat } from 'node:fs/promises'
import { UserError } from '../errors/index.js'

/** The state of each file by its path. Plain data. */
export type FileStates = Record<string, string>

/** Which file has this name, with its size and the time of its last change; empty where there is none. */
export const fileState = (path: string): Promise<string> =>
  stat(path, { bigint: true }).then(
    ({ dev, ino, size, mtimeNs }) => [dev, ino, size, mtimeNs].join(' '),
    () => '',
  )

/** @throws UserError for a file that is not the one that was read */
export async function checkUnchanged(states: Readonly<FileStates>): Promise<void> {
  for (const [path, state] of Object.entries(states))
    if ((await fileState(path)) !== state) throw new UserError(`${path}: changed while it was read; start again`)
}
