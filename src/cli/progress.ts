// A progress bar with the time left, on stderr, and only when a person watches.
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** Adds `amount` of the total and says what is being done. */
  advance(amount: number, what: string): void
  stop(): void
}

/** `quiet` or a stderr that is no terminal gives a bar that shows nothing. */
export function startProgress(total: number, quiet = false): Progress {
  if (quiet || !process.stderr.isTTY) return { advance: () => undefined, stop: () => undefined }
  const bar = new SingleBar({
    format: '{bar} {percentage}% · {eta_formatted} left · {what}', barsize: 30, barCompleteChar: '█', barIncompleteChar: '░',
    stream: process.stderr, hideCursor: true, clearOnComplete: true, etaBuffer: 50,
  })
  bar.start(Math.max(1, total), 0, { what: '' })
  return { advance: (amount, what) => bar.increment(amount, { what }), stop: () => bar.stop() }
}
