// Runs a command in the main thread, of those that leave long work to worker threads. These hold nothing that must be put right; they end
// with the program.
import { putRightOwn } from '../files/index.js'
import { callCommand } from './call.js'
import { openDisplay } from './display.js'
import { redirect, showProgress } from './messages.js'
import { EXIT_CODES, SIGNALS, stoppedLine } from './signals.js'
import { stdoutFault } from './stdout.js'
import { firstPhase } from './words.js'

const words = process.argv.slice(2)
const display = openDisplay(process.stderr, firstPhase(words))
showProgress(display.show)
const [out, error] = [process.stdout, process.stderr].map((stream) => display.through(stream))
redirect({ out: (text) => out!.write(text), error: (text) => error!.write(text) })

// A second one comes to nothing: this is done before it is heard.
for (const signal of SIGNALS)
  process.on(signal, () => {
    display.stop()
    process.stderr.write(stoppedLine(putRightOwn()))
    process.exit(EXIT_CODES[signal])
  })
process.stdout.on('error', (fault) => {
  display.stop()
  const { text, exitCode } = stdoutFault(fault)
  const said = putRightOwn()
  if (text) process.stderr.write(`${[text, ...said].join('; ')}\n`)
  process.exit(exitCode)
})
process.stderr.on('error', () => undefined)

process.exitCode = await callCommand(words)
display.stop()
