// Whole processes, measured from outside: wall time, and peak memory of a process and its children.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

/** What one run of a program took. */
export interface Figure {
  /** Wall time, from before the start to the end of the process. */
  seconds: number
  /**
   * Most bytes that were resident: VmHWM of the process and of its children, summed. Processes that did not live at the same
   * time count too, so it is an upper bound. Null where the system has no /proc.
   */
  peak: number | null
}

export interface Program {
  command: string
  words: readonly string[]
}

const main = fileURLToPath(new URL('../bundle/cli/main.js', import.meta.url))

/** A command of this build. */
export const deltalab = (...words: string[]): Program => ({ command: process.execPath, words: [main, ...words] })

/** Milliseconds between two looks at /proc. VmHWM only grows, so what is missed is the growth of the last ones. */
const INTERVAL = 20

/**
 * Runs a program to its end.
 * @throws Error with the end of its stderr when it fails
 */
export function measureProgram({ command, words }: Program): Promise<Figure> {
  return new Promise((resolve, reject) => {
    const peaks = new Map<number, number>()
    let errors = ''
    const start = performance.now()
    const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'] })
    const look = () => {
      for (const pid of familyOf(child.pid!)) peaks.set(pid, peakOf(pid) ?? peaks.get(pid) ?? 0)
    }
    const timer = setInterval(look, INTERVAL)
    let end = start
    child.stderr.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-4000)))
    child.on('error', (error) => (clearInterval(timer), reject(error)))
    child.on('exit', () => (clearInterval(timer), (end = performance.now())))
    child.on('close', (code, signal) => {
      if (code !== 0) reject(new Error(`ended with ${signal ?? code}: ${errors.trim().slice(-500)}`))
      const peak = [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0)
      resolve({ seconds: Math.round(end - start) / 1000, peak: peak || null })
    })
  })
}

/** A process and all its descendants; the process alone on a kernel that does not list children. */
function familyOf(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
    return [pid, ...children.flatMap(familyOf)]
  } catch {
    return [pid]
  }
}

/** VmHWM in bytes; undefined for a process that has ended. */
function peakOf(pid: number): number | undefined {
  try {
    const found = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found ? Number(found[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}
