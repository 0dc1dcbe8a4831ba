// All output of commands: results on stdout; notes, warnings and timings on stderr, controlled by --quiet, --verbose and --debug.
import type { Argv } from 'yargs'
import { amount, collectWarnings } from '../errors/index.js'
import { hear, type Progress } from '../progress/index.js'
import type { BackendInfo, BackendName } from '../tensor/index.js'
import type { Shown } from './display.js'
import { wrapText } from './wrap-text.js'

interface Phase {
  name: string
  /** Seconds since the process started. */
  start: number
}

export type MessageFlags = Partial<Record<'quiet' | 'verbose' | 'debug', boolean>>

const asked = { quiet: false, verbose: false, debug: false }
const streams = {
  out: (text: string): unknown => process.stdout.write(text),
  error: (text: string): unknown => process.stderr.write(text),
}
const phases: Phase[] = []
/** Shows the work under way, where somebody looks. */
let show: (message: Shown) => void = () => undefined
let unhear: () => void = () => undefined
const now = (): number => process.uptime()

/** The flags of every command. */
export const withMessages = <T>(cli: Argv<T>) =>
  cli
    .option('quiet', {
      type: 'boolean',
      group: 'Messages:',
      describe: 'Print no notes and no progress, only the result, warnings and errors',
    })
    .option('verbose', {
      type: 'boolean',
      group: 'Messages:',
      describe: 'Print each step to stderr, with the seconds since the start',
    })
    .option('debug', {
      type: 'boolean',
      group: 'Messages:',
      describe: 'Print the stack of an error, and the time of each phase at the end',
    })
    .conflicts('quiet', 'verbose')

/** Applies the flags of a command, and begins its first phase. */
export function setMessages(flags: MessageFlags): void {
  phases.splice(0, Infinity, { name: 'start the program', start: 0 })
  for (const name of ['quiet', 'verbose', 'debug'] as const) asked[name] = flags[name] ?? false
  unhear()
  unhear = asked.verbose ? hear(detailProgress) : asked.quiet ? () => undefined : hear((message) => show(message))
}

/** Work that begins, and the names of what it has done, for --verbose. */
function detailProgress(message: Progress): void {
  if ('begin' in message) {
    const { name, unit, total } = message.begin
    detail(total === null || unit === '%' ? name : `${name}: ${unit === 'bytes' ? amount(total) : `${total} ${unit}`}`)
  } else if ('what' in message && message.what) detail(message.what)
}

/** Where the work under way is shown, from the next command on. */
export function showProgress(sink: (message: Shown) => void): void {
  show = sink
}

/** Ends the line of progress, where a command draws on the terminal itself. */
export const hideProgress = (): void => show({ phase: null })

/** Redirects both streams; for tests. */
export function redirect(sinks: typeof streams): void {
  Object.assign(streams, sinks)
}

/** The result, on stdout. */
export function print(text: string): void {
  streams.out(text)
}

/** Columns of the terminal that the result is printed to; infinite where it goes elsewhere. */
export const terminalColumns = (): number => columnsOf(process.stdout)

/** Lines of that terminal; infinite as above. */
export const terminalRows = ({ isTTY, rows } = process.stdout): number => (isTTY ? rows || 24 : Infinity)

const columnsOf = ({ isTTY, columns }: NodeJS.WriteStream): number => (isTTY ? columns || 80 : Infinity)

/** The result in words, on stdout. */
export const printText = (text: string): void => print(wrapText(text, terminalColumns()))

/** `value` as JSON if the command was asked for it, else the text. */
export function printResult(json: boolean | undefined, value: unknown, text: string): void {
  if (json) print(`${JSON.stringify(value, null, 2)}\n`)
  else printText(text)
}

export function writeError(text: string): void {
  streams.error(wrapText(text, columnsOf(process.stderr)))
}

export const isDebug = (): boolean => asked.debug

/** Useful to know, but the result is not in doubt. */
export function note(text: string): void {
  if (!asked.quiet) writeError(`note: ${text}\n`)
}

/** The result may not be what the user wants. */
export function warn(text: string): void {
  writeError(`warning: ${text}\n`)
}

/** Warnings of editors and mergers: one line for each kind, with its number of tensors; with --verbose all. */
export function warnKinds(warnings: readonly string[]): void {
  const collected = collectWarnings()
  for (const text of warnings) collected.warn(text)
  const kinds = collected.kinds()
  const more = kinds.length < warnings.length ? '; --verbose shows each' : ''
  if (asked.verbose) warnings.forEach(warn)
  else for (const text of kinds) warn(text + more)
}

/** A line for --verbose. */
export function detail(text: string): void {
  if (asked.verbose) writeError(`${now().toFixed(2).padStart(8)} s  ${text}\n`)
}

/** Begins a phase and ends the previous one. --verbose prints its name, --debug its duration. */
export function startPhase(name: string): void {
  phases.push({ name, start: now() })
  detail(name)
  if (!asked.quiet && !asked.verbose) show({ phase: name })
}

/** Starts the backend of TensorFlow.js, as a phase of its own. */
export async function startBackend(name: BackendName): Promise<BackendInfo> {
  startPhase('start the backend')
  const { setBackend } = await import('../tensor/index.js')
  const backend = await setBackend(name)
  detail(`backend ${backend.name} (${backend.package})`)
  if (backend.note) warn(backend.note)
  return backend
}

/** The seconds of each phase and the peak memory, for --debug. */
export function printTimings(): void {
  if (!asked.debug) return
  const end = now()
  const lines = phases.map(({ name, start }, index) => [name, (phases[index + 1]?.start ?? end) - start] as const)
  const width = Math.max(...lines.map(([name]) => name.length))
  for (const [name, seconds] of [...lines, ['total', end] as const])
    writeError(`${name.padEnd(width)} ${seconds.toFixed(2).padStart(8)} s\n`)
  writeError(`${'peak memory'.padEnd(width)} ${(peakMemory() / 1e6).toFixed(0).padStart(8)} MB\n`)
}

/** Peak resident memory of this process so far, in bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024
