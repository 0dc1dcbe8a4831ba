// One writer at a time: a results folder is locked by the process that writes it. A lock left by a killed process is taken over.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'

/**
 * Locks a folder and returns what unlocks it.
 * @throws UserError when a living process (this one included) holds the lock
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'sweep.lock')
  const own = `${process.pid} ${startOf(process.pid)}`
  for (;;) {
    try {
      writeFileSync(path, own, { flag: 'wx' })
      return () => unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const [pid, start] = readLock(path)
      if (isAlive(pid, start)) throw new UserError(`${folder} is being written by process ${pid}: wait for it, or give another --out`)
      unlinkSync(path)
    }
  }
}

function readLock(path: string): [pid: number, start: string] {
  const [pid, start = ''] = readFileSync(path, 'utf8').split(' ')
  return [Number(pid), start]
}

/** A process of the same id that started at another time is another process. */
function isAlive(pid: number, start: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || startOf(pid) !== start) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** On Linux the start of a process in clock ticks since boot; elsewhere the id alone must do. */
function startOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19]
  } catch {
    return ''
  }
}
