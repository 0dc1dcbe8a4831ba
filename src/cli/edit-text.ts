// Prints what an edit would read, write and need, and what it did.
import type { EditEstimate, EditSummary } from '../edit/index.js'
import { amount } from '../errors/index.js'
import { printResult } from './messages.js'

/** Seconds of the processor that this program took so far: other programs do not change what is measured by it. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** @param seconds that a run will take; null where TensorFlow.js computes, which is not tried */
export const secondsText = (seconds: number | null): string =>
  seconds === null
    ? 'time   not known: a method has no kernels'
    : `time   about ${seconds.toFixed(seconds < 10 ? 1 : 0)} s on this machine, if it is idle, the inputs are in its cache and the disk keeps up`

export function printEditEstimate(
  estimate: EditEstimate & { seconds: number | null },
  out: string,
  json: boolean,
): void {
  const { tensors, edited, parameters, bytes, memory, seconds } = estimate
  const lines = [
    `edit   ${edited} of ${tensors} tensors, ${parameters} parameters`,
    `disk   ${amount(bytes)}`,
    `memory ${amount(memory)} at least`,
    secondsText(seconds),
    'nothing was written (dry run)',
  ]
  printResult(json, { out, ...estimate }, `${lines.join('\n')}\n`)
}

export function editText(summary: EditSummary, on: 'delta' | 'weights', out: string): string {
  const { tensors, parameters, kept, bits_per_parameter: bits, delta_norm, edit_norm } = summary
  return [
    `${tensors} tensors with ${parameters} parameters edited: ${kept} non-zero entries (${((100 * kept) / (parameters || 1)).toFixed(2)} %), `,
    `an estimated ${bits.toFixed(2)} bits per parameter where a kept value takes 16, norm of the ${on} ${delta_norm.toPrecision(4)}, of the change ${edit_norm.toPrecision(4)}\n${out} written\n`,
  ].join('')
}
