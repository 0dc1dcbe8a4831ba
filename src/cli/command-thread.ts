// Runs a command in a thread of its own, which can be stopped whatever it computes. The main thread has time at any moment, for signals
// and for the terminal.
import { BroadcastChannel, Worker } from 'node:worker_threads'
import type { Hold, ToldHold } from '../files/index.js'
import type { Shown } from './display.js'
import { EXIT_CODES, SIGNALS, type Signal, stoppedLine } from './signals.js'
import { stdoutFault } from './stdout.js'
import { firstPhase } from './words.js'

/** Milliseconds in which the thread of a command is expected to stop: it does not while the system or native code holds it. */
const PATIENCE = 500

/** What the threads hold, as they tell it (src/files/holds.ts): it must be put right where they are stopped. */
const held = new Map<string, Hold>()
const holds = new BroadcastChannel('deltalab holds')
holds.onmessage = (event) => {
  const { id, thing } = (event as { data: ToldHold }).data
  if (thing) held.set(id, thing)
  else held.delete(id)
}
holds.unref()
const terminalOf = ({ isTTY, columns, rows }: NodeJS.WriteStream) => ({ isTTY, columns, rows })
const words = process.argv.slice(2)
const thread = new Worker(new URL('./worker.js', import.meta.url), {
  argv: words,
  workerData: { stdout: terminalOf(process.stdout), stderr: terminalOf(process.stderr) },
  stdout: true,
  stderr: true,
})
// While the thread starts. It draws until the thread, or a signal, ends the command.
const display = import('./display.js').then(({ openDisplay }) => openDisplay(process.stderr, firstPhase(words)))
void display.then(({ through }) => {
  thread.stdout.pipe(through(process.stdout))
  thread.stderr.pipe(through(process.stderr))
})
thread.on('message', async ({ progress }: { progress: Shown }) => (await display).show(progress))
const say = async (text: string): Promise<void> => {
  ;(await display).stop()
  process.stderr.write(text)
}

let died = false
thread.on('error', async (error: NodeJS.ErrnoException) => {
  died = true
  const { inspect } = await import('node:util')
  const isFull = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
  await say(`${isFull ? `deltalab: the memory of JavaScript is full: ${error.message}` : inspect(error)}\n`)
})
thread.on('exit', async (code) => {
  process.exitCode = code
  ;(await display).stop()
  if (died) for (const text of await letGo()) await say(`deltalab: ${text}\n`)
})
let isStopping = false
let stoppedAt = 0
// GNU timeout, npx and others send one signal twice, to the process and to its group: a second one counts when the thread had its time.
for (const signal of SIGNALS)
  process.on(signal, () => {
    if (!isStopping) void stop(signal)
    else if (performance.now() - stoppedAt > PATIENCE) die(signal)
  })

process.stdout.on('error', async (error: NodeJS.ErrnoException) => {
  if (isStopping) return
  isStopping = true
  await endThread()
  const said = await letGo()
  const { text, exitCode } = stdoutFault(error)
  if (text) await say(`${[text, ...said].join('; ')}\n`)
  process.exit(exitCode)
})
process.stderr.on('error', () => undefined)

/** Ends the program. A second signal, half a second later, ends it at once. */
async function stop(signal: Signal): Promise<void> {
  isStopping = true
  stoppedAt = performance.now()
  ;(await display).stop()
  const hasEnded = await endThread()
  await say(stoppedLine(await letGo()))
  if (hasEnded) process.exit(EXIT_CODES[signal])
  die(signal)
}

/** To exit is to wait for the thread; this is not. A shell gives the same code to a program that a signal ends. */
function die(signal: Signal): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** Whether the thread ended in time. */
function endThread(): Promise<boolean> {
  thread.removeAllListeners()
  const late = new Promise<false>((done) => setTimeout(done, PATIENCE, false))
  return Promise.race([thread.terminate().then(() => true), late])
}

async function letGo(): Promise<string[]> {
  const { putRight } = await import('../files/index.js')
  return putRight([...held.values()])
}
