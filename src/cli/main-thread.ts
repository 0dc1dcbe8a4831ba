// Runs a command in the main thread, of those that leave long work to worker threads. These hold nothing that must be put right; they end
// with the program. A command that finds work of its own begins again in a thread.
import { putRightOwn } from '../files/index.js'
import { endBegun } from '../stream/index.js'
import { callCommand } from './call.js'
import { openDisplay } from './display.js'
import { redirect, showProgress } from './messages.js'
import { chooseThread, NeedsThread, offerThread, sayThen } from './own-thread.js'
import { EXIT_CODES, SIGNALS, type Signal, stoppedLine } from './signals.js'
import { stdoutFault } from './stdout.js'
import { firstPhase, mayHoldThread } from './words.js'

const words = process.argv.slice(2)
const display = openDisplay(process.stderr, firstPhase(words))
showProgress(display.show)
const [out, error] = [process.stdout, process.stderr].map((stream) => display.through(stream))
redirect({
  out: (text) => sayThen(() => out!.write(text)),
  error: (text) => sayThen(() => error!.write(text)),
})

// A second one comes to nothing: this is done before it is heard.
const stop = (signal: Signal): never => {
  chooseThread(false)
  display.stop()
  process.stderr.write(stoppedLine(putRightOwn()))
  process.exit(EXIT_CODES[signal])
}
const onFault = (fault: NodeJS.ErrnoException): never => {
  display.stop()
  const { text, exitCode } = stdoutFault(fault)
  const said = putRightOwn()
  if (text) process.stderr.write(`${[text, ...said].join('; ')}\n`)
  process.exit(exitCode)
}
for (const signal of SIGNALS) process.on(signal, stop)
process.stdout.on('error', onFault)
process.stderr.on('error', () => undefined)

try {
  if (mayHoldThread(words)) offerThread()
  process.exitCode = await callCommand(words)
  chooseThread(false)
  display.stop()
} catch (error) {
  if (!(error instanceof NeedsThread)) throw error
  display.stop()
  endBegun()
  // It hears signals itself as soon as it is there.
  await import('./command-thread.js')
  for (const signal of SIGNALS) process.off(signal, stop)
  process.stdout.off('error', onFault)
}
