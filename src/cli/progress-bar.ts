// Progress bars with the time left on stderr, shown only on a terminal.

import { amount } from '../files/index.js'
import { detail, isQuiet, isVerbose } from './messages.js'

export interface Progress {
  /** Adds `amount` to what is done, and names what it was; --verbose prints the name as a line. */
  advance(what: string, amount: number): void
  stop(): void
}

/** A bar of the bytes that are written. */
export interface ByteProgress {
  /** Names a tensor that is finished. */
  onTensor(name: string): void
  /** Counts bytes; those of an earlier run say nothing of the rate. */
  onBytes(bytes: number, earlier: boolean): void
  stop(): void
}

const isHidden = (): boolean => isQuiet() || isVerbose() || !process.stderr.isTTY

/** With `hidden`, with --quiet and where stderr is not a terminal the bar shows nothing. */
export async function startProgress(total: number, hidden = false): Promise<Progress> {
  if (hidden || isHidden()) return { advance: detail, stop: () => undefined }
  const { bar, stop } = await startBar('{bar} {percentage}% · {eta_formatted} left · {what}', total)
  return { advance: (what, amount) => bar.increment(amount, { what }), stop }
}

export async function startByteProgress(total: number): Promise<ByteProgress> {
  if (isHidden()) return { onTensor: detail, onBytes: () => undefined, stop: () => undefined }
  const { bar, stop } = await startBar('{bar} {percentage}% · {rate} · {what}', total)
  const start = performance.now()
  let [done, fresh, what] = [0, 0, '']
  return {
    onTensor(name) {
      what = name
    },
    onBytes(bytes, earlier) {
      done += bytes
      if (!earlier) fresh += bytes
      bar.update(done, { what, rate: rateText(fresh, total - done, (performance.now() - start) / 1000) })
    },
    stop,
  }
}

/** The rate of writing and the time left. @param fresh bytes that took so many seconds */
export function rateText(fresh: number, left: number, seconds: number): string {
  const rate = fresh / seconds
  if (!(rate > 0 && Number.isFinite(rate))) return 'no rate yet'
  const rest = Math.ceil(left / rate)
  const time = rest < 60 ? `${rest} s` : `${Math.floor(rest / 60)} min ${rest % 60} s`
  return `${amount(rate)}/s · ${time} left`
}

async function startBar(format: string, total: number) {
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar({
    format,
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  })
  bar.start(Math.max(1, total), 0, { what: '', rate: rateText(0, total, 0) })
  // Also when a signal ends the program: what is said then has its line, and the cursor comes back.
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  process.once('exit', stop)
  return { bar, stop }
}
