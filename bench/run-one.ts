// One benchmark in a process of its own: kernels that it exchanges, and a heap that it fills, do not reach the next one.
import type { Comparison } from './compare.js'

const { run } = (await import(`./${process.argv[2]}.js`)) as { run(): Promise<Comparison[]> }
const checked = process.argv.includes('--check')
for (const { name, ratio, milliseconds, theirs, goal, met } of await run()) {
  const verdict = met === false ? ' MISSED' : ''
  process.stdout.write(
    `${name}: ${ratio.toFixed(2)} × (${milliseconds.toFixed(1)} ms against ${theirs.toFixed(1)} ms; goal ${goal} ×)${verdict}\n`,
  )
  if (checked && !met) process.exitCode = 1
}
