// One holder at a time, over processes: a lock is a file that appears with its content, by a hard link. The lock of a process
// that was killed is taken over by one process alone, which holds a lock on that very lock meanwhile.
import { createHash, randomUUID } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { basename, dirname, join } from 'node:path'
import { hold } from './holds.js'

/** Who holds a lock. On another host, nobody can see from here whether the process lives. */
export interface Holder {
  pid: number
  /** When the process started, in clock ticks since boot: another process may get its id. Empty where the system does not say. */
  start: string
  host: string
}

/**
 * Takes the lock at a path and returns what releases it.
 * @param refuse the error to throw when a living process (this one included) holds it
 * @param ended content of a lock whose holder, on another host, is known to be gone
 */
export function takeLock(path: string, refuse: (holder: Holder) => Error, ended?: string): () => void {
  const own = `${process.pid} ${startOf(process.pid)} ${os.hostname()} ${randomUUID()}`
  const draft = `${path}.${randomUUID().slice(0, 8)}`
  const drafted = hold({ kind: 'temporary', path: draft })
  const held = hold({ kind: 'lock', path, content: own })
  const release = () => {
    if (read(path) === own) unlinkSync(path)
    held()
  }
  try {
    writeFileSync(draft, own, { flag: 'wx' })
    for (;;) {
      if (appears(draft, path, own)) break
      const found = read(path)
      if (found === null) continue // released meanwhile
      const holder = holderOf(found)
      if (holder && found !== ended && isAlive(holder)) throw refuse(holder)
      if (takeOver(path, found, draft)) break
    }
  } catch (error) {
    held()
    throw error
  } finally {
    rmSync(draft, { force: true })
    drafted()
  }
  sweepLeftovers(path)
  return release
}

/** Who holds the lock at a path; null where nobody does. On another host the holder may be gone. */
export function lockHolder(path: string): Holder | null {
  const text = read(path)
  const holder = text === null ? null : holderOf(text)
  return holder && isAlive(holder) ? holder : null
}

/** Only who holds the lock of exactly this content may replace it, and it cannot come back. */
function takeOver(path: string, found: string, draft: string): boolean {
  const busy = new Error('another process takes the lock over')
  try {
    const done = takeLock(`${path}.${createHash('sha256').update(found).digest('hex').slice(0, 8)}`, () => busy)
    try {
      if (read(path) !== found) return false
      renameSync(draft, path)
      return true
    } finally {
      done()
    }
  } catch (error) {
    if (error !== busy) throw error
    pause(2)
    return false
  }
}

/** True when the lock is there now, with all its content, and was not before. */
function appears(draft: string, path: string, content: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error
  }
  // A file system without hard links: the content comes a moment after the name, for which `read` waits.
  try {
    writeFileSync(path, content, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The content of a lock; null when it is gone. One without a holder may be in the making. */
function read(path: string): string | null {
  for (let tries = 0; ; tries++) {
    try {
      const text = readFileSync(path, 'utf8')
      if (holderOf(text) || tries === 20) return text
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
    pause(5)
  }
}

function holderOf(text: string): Holder | null {
  const [, pid, start = '', host = os.hostname()] = /^([1-9]\d*)(?: (\S*)(?: (\S+) \S+)?)?$/.exec(text) ?? []
  return pid === undefined ? null : { pid: Number(pid), start, host }
}

/** A process of the same id that started at another time is another process. */
export function isAlive({ pid, start, host }: Holder): boolean {
  if (host !== os.hostname()) return true
  if (startOf(pid) !== start) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A process that has ended and that nobody has waited for has no start any more. */
export function startOf(pid: number): string {
  try {
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return /[ZX]/.test(state!) ? 'ended' : fields[18]!
  } catch {
    return ''
  }
}

/** Drafts, and locks on locks, of processes that were killed. */
function sweepLeftovers(path: string): void {
  const taken = statSync(path).mtimeMs
  const name = new RegExp(`^${basename(path).replace(/\W/g, '\\$&')}(\\.[0-9a-f]{8})+$`)
  for (const each of readdirSync(dirname(path)).filter((other) => name.test(other))) {
    const left = join(dirname(path), each)
    try {
      const holder = holderOf(readFileSync(left, 'utf8'))
      // An empty one is in the making, or its process was killed in that instant.
      const isLeft = holder ? !isAlive(holder) : statSync(left).mtimeMs < taken - 60_000
      if (isLeft) unlinkSync(left)
    } catch {
      // Another process was faster, or may do it.
    }
  }
}

const pause = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
