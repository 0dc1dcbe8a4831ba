// A progress bar with the time left on stderr, shown only on a terminal.

import { detail, isQuiet, isVerbose } from './messages.js'

export interface Progress {
  /** Adds `amount` to what is done, and names what it was; --verbose prints the name as a line. */
  advance(what: string, amount: number): void
  stop(): void
}

/** With `hidden`, with --quiet and where stderr is not a terminal the bar shows nothing. */
export async function startProgress(total: number, hidden = false): Promise<Progress> {
  if (hidden || isQuiet() || isVerbose() || !process.stderr.isTTY) return { advance: detail, stop: () => undefined }
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar({
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
  // Also when a signal ends the program: what is said then has its line, and the cursor comes back.
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  process.once('exit', stop)
  return { advance: (what, amount) => bar.increment(amount, { what }), stop }
}
