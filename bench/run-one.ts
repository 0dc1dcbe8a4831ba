// One benchmark in a process of its own: kernels that it exchanges, and a heap that it fills, do not reach the next one.
import { parseArgs } from 'node:util'
import type { Comparison } from './compare.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false }, small: { type: 'boolean', default: false } },
})
const [benchmark, ...rows] = positionals
const { run } = (await import(`./${benchmark}.js`)) as {
  run(options: { rows: string[]; small: boolean }): Promise<Comparison[]> | AsyncIterable<Comparison>
}
const comparisons = run({ rows, small: values.small })
for await (const each of Symbol.asyncIterator in comparisons ? comparisons : await comparisons) {
  const { name, ratio, ours, theirs, unit = 'ms', goal, met } = each
  const verdict = met === false ? ' MISSED' : ''
  process.stdout.write(
    `${name}: ${ratio.toFixed(2)} × (${ours.toFixed(1)} ${unit} against ${theirs.toFixed(1)} ${unit}; goal ${goal.toFixed(2).replace(/\.?0+$/, '')} ×)${verdict}\n`,
  )
  if (values.check && !met) process.exitCode = 1
}
