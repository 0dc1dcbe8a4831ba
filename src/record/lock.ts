// One writer at a time: a process locks the results folder that it writes. A lock left by a killed process is taken over. On another
// host nobody can see whether a process lives, so that the holder of a lock gives a sign of life: it touches the lock.
import { closeSync, fstatSync, openSync, readFileSync, utimesSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { UserError } from '../errors/index.js'
import { type Holder, lockHolder, takeLock } from '../files/index.js'

/** Milliseconds from one sign of life to the next, and of silence after which a process on another host is taken for dead. */
const BEAT = 5_000
const SILENCE = 30_000

const INSTEAD = 'wait for it, or give another --out'

/** The lock of a folder that this process holds. */
export interface FolderLock {
  /** @throws UserError when another process has taken the lock over: this one was halted for so long that it seemed dead */
  check(): void
  release(): void
}

/** The lock of a results folder. */
const lockPath = (folder: string): string => join(folder, 'sweep.lock')

/**
 * Locks a folder. Resolves after some seconds where a process on another host holds the lock and gives no sign of life.
 * @param instead what one may do then
 * @throws UserError when a living process (this one included) holds the lock
 */
export async function lockFolder(folder: string, instead?: string): Promise<FolderLock> {
  const path = lockPath(folder)
  const ended = await awaitHolder(path)
  const release = takeLock(path, (holder) => refusal(folder, holder, instead), ended)
  const own = readFileSync(path, 'utf8')
  const beat = setInterval(() => touch(path), BEAT)
  beat.unref()
  return {
    check() {
      if (contentOf(path) !== own)
        throw new UserError(`${folder} was taken over by another process while this one was halted: nothing is lost`)
    },
    release() {
      clearInterval(beat)
      release()
    },
  }
}

/** Who writes a folder, as it seems at a glance; on another host by its last sign of life. @param now milliseconds since 1970 */
export function writerOf(folder: string, now: number): Holder | null {
  const holder = lockHolder(lockPath(folder))
  if (!holder || holder.host === os.hostname()) return holder
  const { touched = 0 } = stateOf(lockPath(folder))
  return now - touched < SILENCE ? holder : null
}

/** @throws UserError when a living process holds the lock of a folder */
export async function checkUnlocked(folder: string, instead?: string): Promise<void> {
  const ended = await awaitHolder(lockPath(folder))
  const holder = lockHolder(lockPath(folder))
  if (holder && contentOf(lockPath(folder)) !== ended) throw refusal(folder, holder, instead)
}

function refusal(folder: string, { pid, host }: Holder, instead = INSTEAD): UserError {
  const where = host === os.hostname() ? '' : ` of ${host}`
  return new UserError(`${folder} is being written by process ${pid}${where}: ${instead}`)
}

/** Waits for a sign of life of a holder on another host. @returns the content of its lock where none comes */
async function awaitHolder(path: string): Promise<string | undefined> {
  const holder = lockHolder(path)
  if (!holder || holder.host === os.hostname()) return undefined
  const first = stateOf(path)
  for (let waited = 0; waited < SILENCE; waited += 1000) {
    await setTimeout(1000)
    const now = stateOf(path)
    if (now.content !== first.content || now.touched !== first.touched) return undefined
  }
  return first.content
}

/** A file that is opened is asked for at its server. */
function stateOf(path: string): { content?: string; touched?: number } {
  try {
    const file = openSync(path, 'r')
    try {
      return { content: readFileSync(file, 'utf8'), touched: fstatSync(file).mtimeMs }
    } finally {
      closeSync(file)
    }
  } catch {
    return {}
  }
}

const contentOf = (path: string): string | undefined => stateOf(path).content

function touch(path: string): void {
  try {
    const now = Date.now() / 1000
    utimesSync(path, now, now)
  } catch {
    // The next check finds what became of it.
  }
}
