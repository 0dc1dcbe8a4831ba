// Progress of a sweep on stderr: one line that is redrawn on a terminal, a line every ten seconds elsewhere, a line per run with --verbose.

import progress from 'cli-progress'
import type { Row } from '../record/index.js'
import { detail, isQuiet, isVerbose } from './messages.js'

export interface RunBar {
  show(row: Row, progress: { done: number; planned: number; found: boolean }): void
  stop(): void
}

/** Rows found from an earlier start set the beginning, so that the ETA counts only what this start does. */
export function showBar(name: string): RunBar {
  const bar = new progress.SingleBar({
    format: `${name} {bar} {value}/{total} runs · ETA {eta_formatted} · {last}`,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    etaBuffer: 50,
    // Before there is a rate the time left is a word, not a number.
    formatTime: (time, options, step) =>
      typeof time === 'number' ? progress.Format.TimeFormat(time, options, step) : '–',
    hideCursor: true,
    gracefulExit: false,
    emptyOnZero: true,
  })
  let started = false
  return {
    show(row, { done, planned, found }) {
      if (isQuiet()) return
      const last = found
        ? 'found from an earlier start'
        : `${row.model} ${row.task} ${row.label}${row.status === 'failed' ? ` FAILED: ${row.error}` : ''}`
      if (isVerbose()) return detail(`run ${done} of ${planned}: ${last}`)
      if (!started) bar.start(planned, found ? done : done - 1, { last })
      started = true
      bar.update(done, { last })
    },
    stop() {
      if (started) bar.stop()
    },
  }
}
