// A progress bar with the time left on stderr, shown only on a terminal.

import { SingleBar } from 'cli-progress'
import { detail, isQuiet, isVerbose } from './messages.js'

export interface Progress {
  /** Adds `amount` to what is done, and names what it was; --verbose prints the name as a line. */
  advance(what: string, amount: number): void
  stop(): void
}

/** With `hidden`, with --quiet and where stderr is not a terminal the bar shows nothing. */
export function startProgress(total: number, hidden = false): Progress {
  if (hidden || isQuiet() || isVerbose() || !process.stderr.isTTY) return { advance: detail, stop: () => undefined }
  const bar = new SingleBar({
    format: '{bar} {percentage}% · {eta_formatted} left · {what}',
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  })
  bar.start(Math.max(1, total), 0, { what: '' })
  return { advance: (what, amount) => bar.increment(amount, { what }), stop: () => bar.stop() }
}
