// Watches all processes of a program together, from outside: their number, and the memory that they hold.
import { readdirSync, readFileSync } from 'node:fs'

export interface Bounds {
  processes: number
  /** Bytes of resident memory, pages that several share counted for each. */
  memory: number
}

/** Milliseconds between two looks: what a program takes beyond the bounds, it has for that long. */
const INTERVAL = 25

/**
 * Calls `onOver` once, when the descendants of a process go beyond the bounds. Needs /proc; where there is none, nothing is watched.
 * @returns stops the watch
 */
export function watch(root: number, bounds: Bounds, onOver: () => void): () => void {
  const timer = setInterval(() => {
    const { processes, memory } = tally(root)
    if (processes <= bounds.processes && memory <= bounds.memory) return
    clearInterval(timer)
    onOver()
  }, INTERVAL)
  return () => clearInterval(timer)
}

/** Orphans of a process namespace are children of its first process, so that all of it descends from what started it. */
function tally(root: number): Bounds {
  const children = new Map<number, number[]>()
  const resident = new Map<number, number>()
  for (const pid of list('/proc').map(Number).filter(Number.isInteger)) {
    const status = read(`/proc/${pid}/status`)
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1])
    children.set(parent, [...(children.get(parent) ?? []), pid])
    resident.set(pid, 1024 * Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0))
  }
  const found = [...(children.get(root) ?? [])]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return { processes: found.length, memory: found.reduce((sum, pid) => sum + resident.get(pid)!, 0) }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Empty for a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
