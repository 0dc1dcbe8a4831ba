// Temporary folders: each is gone once its work is done or the program is stopped, and what a killed program left goes when the
// next one is made beside it.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { tellFound } from './found.js'
import { hold } from './holds.js'
import { isAlive, startOf } from './lock.js'

export interface TemporaryFolder {
  path: string
  remove(): void
}

/** Other hosts may have the same folder, and processes of the same numbers. */
const host = createHash('sha256').update(os.hostname()).digest('hex').slice(0, 8)
const NAME = /^deltalab-[a-z]+-([0-9a-f]{8})-(\d+)-(\w*)-[0-9a-f]{6}$/

/** @param purpose one word, for who finds it @param parent an existing folder @throws UserError where the system's own is not there or may not be written */
export function makeTemporary(purpose: string, parent = os.tmpdir()): TemporaryFolder {
  removeLeft(parent)
  const { pid } = process
  const random = randomBytes(3).toString('hex')
  const path = join(parent, ['deltalab', purpose, host, pid, startOf(pid), random].join('-'))
  const release = hold({ kind: 'temporary', path })
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    release()
    if (parent !== os.tmpdir()) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new UserError(
      `${parent}: no temporary folder can be made there (${code}); set TMPDIR to a folder that may be written`,
      { cause: error },
    )
  }
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true })
      release()
    },
  }
}

/** None where the folder may not be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Removes the folders of processes that were killed. */
function removeLeft(parent: string): void {
  for (const name of namesIn(parent)) {
    const [, madeOn, pid, start] = NAME.exec(name) ?? []
    if (madeOn !== host || isAlive({ pid: Number(pid), start: start!, host: os.hostname() })) continue
    try {
      rmSync(join(parent, name), { recursive: true, force: true })
      tellFound(`${join(parent, name)}: left by a run that was killed; removed`)
    } catch {
      // Another user's.
    }
  }
}
