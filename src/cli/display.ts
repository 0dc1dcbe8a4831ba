// The line on stderr that shows that a command lives: on a terminal it is drawn again and again, elsewhere it is a line every ten seconds.
// It fits the terminal and hides no cursor, so that a program that is killed leaves the terminal as it was.
import { Writable } from 'node:stream'
import type { Progress } from '../progress/index.js'
import { durationText, openProgressState } from './progress-state.js'

/** What the display is told: how far work is, or the name of the phase that begins; null where nothing is shown until the next begins. */
export type Shown = Progress | { phase: string | null }

export interface Display {
  show(message: Shown): void
  /** A stream whose text goes to another one; the line makes room for it. */
  through(to: NodeJS.WritableStream): Writable
  /** Takes the line away for good. */
  stop(): void
}

/** Seconds: from the start of the program to the first line, between two of them on a terminal, and elsewhere. */
const FIRST = 0.25
const FRAME = 0.1
const LINE = 10

const NEWLINE = 10
const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'

/**
 * @param phase the name of the first phase; null where nothing is shown until one begins
 * @param clock seconds since the program started
 */
export function openDisplay(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>,
  phase: string | null,
  clock = process.uptime,
): Display {
  const state = openProgressState()
  let [name, begun, last, shown, stopped] = [phase, clock(), -Infinity, false, false]
  let frame = 0
  /** Text of the command ends in the middle of a line, which is not drawn over. */
  let open = false
  const clear = () => {
    if (shown) stream.write('\r\u001b[K')
    shown = false
  }
  const waiting = (now: number): string | null =>
    name === null || now - begun < 1 ? name : `${name} · ${durationText(Math.floor(now - begun))}`
  const draw = () => {
    const now = clock()
    const [first, wait] = stream.isTTY ? [FIRST, FRAME] : [LINE, LINE]
    if (stopped || open || now < first || now - last < wait) return
    // The last column stays empty: some terminals wrap after it.
    const room = Math.max(10, (stream.columns || 80) - 3)
    const line = (stream.isTTY ? state.line(now, room) : state.plain(now)) ?? waiting(now)
    if (line === null) return
    last = now
    if (!stream.isTTY) return void stream.write(`${line}\n`)
    stream.write(`\r${SPINNER[frame++ % SPINNER.length]} ${line.slice(0, room)}\u001b[K`)
    shown = true
  }
  const timer = setInterval(draw, 1000 * FRAME)
  timer.unref()
  return {
    show(message) {
      if ('phase' in message) [name, begun] = [message.phase, clock()]
      else state.hear(message, clock())
      if (name === null) clear()
      draw()
    },
    through: (to) =>
      new Writable({
        write(bytes: Buffer, _, done) {
          clear()
          open = bytes.at(-1) !== NEWLINE
          if (to.write(bytes)) done()
          else to.once('drain', done)
        },
      }),
    stop() {
      clear()
      stopped = true
      clearInterval(timer)
    },
  }
}
