// Calls the command line in a pseudo-terminal, as a person has one, and stops it there: by Ctrl-C, which the terminal makes a signal,
// or by another signal. `script` of util-linux, and that of macOS and BSD, opens the terminal.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/files/index.js'
import '../backend.js'

export type Stop = 'Ctrl-C' | NodeJS.Signals

export interface Stopped {
  /** Exit code as a shell has it; 128 and the number of the signal for a program that one ended. */
  code: number
  /** From the first stop to the end; null where the program ended before. */
  milliseconds: number | null
  /** All that was written to the terminal. */
  screen: string
}

export interface Session {
  cwd?: string
  /** Of the terminal; 80 by default. */
  columns?: number
  env?: NodeJS.ProcessEnv
  /** Asked again and again until it answers; several stops come one after the other. */
  stop?: (screen: string, milliseconds: number) => readonly Stop[] | undefined
}

const main = join(packageRoot, 'dist', 'bundle', 'cli', 'main.js')
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/** Why a test cannot be made on this machine; false where it can. */
export const noTerminal = spawnSync('script', ['--version']).error
  ? 'the program script (util-linux) is not there'
  : false

/** Runs `deltalab <words>` in a terminal. */
export async function inTerminal(
  words: readonly string[],
  { cwd, columns = 80, env = {}, stop }: Session = {},
): Promise<Stopped> {
  const folder = mkdtempSync(join(tmpdir(), 'terminal-'))
  const pidFile = join(folder, 'pid')
  const program = [process.execPath, main, ...words].map(quote).join(' ')
  const line = `stty cols ${columns} rows 24; echo $$ > ${quote(pidFile)}; exec ${program}`
  const script = process.platform === 'linux' ? ['-qefc', line, '/dev/null'] : ['-q', '/dev/null', 'sh', '-c', line]
  const child = spawn('script', script, { cwd, env: { ...process.env, ...env, SHELL: '/bin/sh', TERM: 'xterm' } })
  const started = performance.now()
  let [screen, sent]: [string, number | null] = ['', null]
  child.stdout.setEncoding('utf8').on('data', (text) => (screen += text))
  child.stdin.on('error', () => undefined)
  const send = (each: Stop) => {
    if (each === 'Ctrl-C') child.stdin.write('\x03')
    else process.kill(Number(readFileSync(pidFile, 'utf8')), each)
  }
  const timer = setInterval(() => {
    const stops = existsSync(pidFile) ? stop?.(screen, performance.now() - started) : undefined
    if (!stops) return
    clearInterval(timer)
    sent = performance.now()
    stops.forEach((each, i) => setTimeout(() => child.exitCode === null && send(each), 50 * i))
  }, 5)
  const code = await new Promise<number>((done, fail) => {
    child.on('error', fail)
    child.on('close', (status) => done(status ?? -1))
  })
  clearInterval(timer)
  rmSync(folder, { recursive: true })
  return { code, milliseconds: sent === null ? null : performance.now() - sent, screen }
}

/** What is wrong with the terminal after a program: the cursor, wrapping, or a last line without an end. */
export function faultsOf(screen: string): string[] {
  // Node itself was starting.
  if (/^(\^C)*$/.test(screen)) return []
  const last = (on: string, off: string) => screen.lastIndexOf(on) >= screen.lastIndexOf(off)
  return [
    ...(last('\x1b[?25h', '\x1b[?25l') ? [] : ['the cursor is hidden']),
    ...(last('\x1b[?7h', '\x1b[?7l') ? [] : ['lines do not wrap']),
    ...(screen.endsWith('\n') ? [] : ['the last line has no end']),
  ]
}
