// Prints what a merge would read, write and need.

import { amount } from '../errors/index.js'
import { countText } from '../inspect/index.js'
import type { Estimate } from '../merge/index.js'
import { secondsText } from './edit-text.js'
import { print } from './messages.js'

export function printEstimate(estimate: Estimate & { seconds: number | null }, out: string, json: boolean): void {
  if (json) {
    print(`${JSON.stringify({ out, ...estimate }, null, 2)}\n`)
    return
  }
  const { method, convention, models, result, memory, seconds } = estimate
  const width = Math.max(...models.map(({ label }) => label.length))
  const known = (vocabulary: number | null): string => (vocabulary === null ? '' : `, vocabulary of ${vocabulary}`)
  const lines = models.map(
    ({ role, label, parameters, dtypes, layers, vocabulary }) =>
      `${role.padEnd(6)}${label.padEnd(width)}  ${countText(parameters).padStart(6)} parameters, ${dtypes}, ${layers} layers${known(vocabulary)}`,
  )
  print(
    `${[
      `method ${method}, convention ${convention}`,
      ...lines,
      `result ${result.tensors} tensors, ${countText(result.parameters)} parameters, ${result.dtypes}, ${result.layers} layers`,
      `disk   ${amount(result.bytes)}`,
      `memory ${amount(memory)} at least`,
      secondsText(seconds),
      'nothing was written (dry run)',
    ].join('\n')}\n`,
  )
}
