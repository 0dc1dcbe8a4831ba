// What commands say on stderr while they run: a progress bar with the time left, only when a person watches, and what models are.
import { SingleBar } from 'cli-progress'
import type { Checkpoint } from '../checkpoint/index.js'

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

/**
 * Says of each quantised model what it was decoded from, and returns the models. On the error stream, so that JSON and CSV stay
 * what they are.
 * @param written whether weights of these models are written
 */
export function sayDecoded<T extends readonly Checkpoint[]>(models: T, written = true): T {
  for (const { folder, decoded } of models) {
    if (decoded) process.stderr.write(`${folder}: ${decoded}${written ? '; what is written is not quantised and has no quantization_config' : ''}\n`)
  }
  return models
}
