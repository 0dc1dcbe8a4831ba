#!/usr/bin/env node
// The program `deltalab`. This thread has time at any moment, for signals and for the terminal: the command runs in another one,
// which can be stopped whatever it computes.
import { BroadcastChannel, Worker } from 'node:worker_threads'
import type { Hold, ToldHold } from '../files/index.js'
import type { Shown } from './display.js'

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
type Signal = keyof typeof CODES
const SIGNALS = Object.keys(CODES) as Signal[]

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
const terminalOf = ({ isTTY, columns }: NodeJS.WriteStream) => ({ isTTY, columns })
const thread = new Worker(new URL('./worker.js', import.meta.url), {
  argv: process.argv.slice(2),
  workerData: { stdout: terminalOf(process.stdout), stderr: terminalOf(process.stderr) },
  stdout: true,
  stderr: true,
})
const words = process.argv.slice(2)
const isShown = !words.some((word) => word === '--quiet' || word === '--verbose')
// While the thread starts. It draws until the thread, or a signal, ends the command.
const display = import('./display.js').then(({ openDisplay }) =>
  openDisplay(process.stderr, isShown ? `deltalab ${words[0] ?? ''}` : null),
)
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
for (const signal of SIGNALS) process.on(signal, () => void stop(signal))

// A reader that has enough (`head`) is no error, and a terminal that is gone cannot be told anything.
process.stdout.on('error', async (error: NodeJS.ErrnoException) => {
  if (!['EPIPE', 'EIO'].includes(error.code ?? '')) throw error
  await endThread()
  await letGo()
  process.exit(0)
})
process.stderr.on('error', () => undefined)

/** Ends the program. A second signal finds no listener and ends it at once. */
async function stop(signal: Signal): Promise<void> {
  for (const each of SIGNALS) process.removeAllListeners(each)
  ;(await display).stop()
  const hasEnded = await endThread()
  // Behind the ^C of the terminal.
  const line = process.stderr.isTTY ? '\n' : ''
  await say(`${line}${['deltalab: stopped', ...(await letGo())].join('; ')}\n`)
  if (hasEnded) process.exit(CODES[signal])
  // To exit is to wait for the thread. A shell gives the same code to a program that a signal ends.
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
