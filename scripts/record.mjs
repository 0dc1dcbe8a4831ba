// Shows what a person sees of a command in a terminal, with the seconds: node scripts/record.mjs <columns> <words of the command>
// Of the line that is drawn again and again one frame a second is shown.
import { framesOf } from '../dist/test/cli/recording.js'
import { inTerminal } from '../dist/test/cli/terminal.js'

const [columns, ...words] = process.argv.slice(2)
let [read, last] = [0, -1]
const { screen } = await inTerminal(words, {
  columns: Number(columns),
  stop(screen, milliseconds) {
    const [seconds, text] = [milliseconds / 1000, screen.slice(read)]
    if (seconds - last < 1 || !text) return undefined
    const frame = framesOf(text).drawn.at(-1)
    if (frame !== undefined) process.stdout.write(`${seconds.toFixed(1).padStart(6)} s | ${frame}\n`)
    ;[read, last] = [screen.length, seconds]
    return undefined
  },
})
process.stdout.write(framesOf(screen).left)
