// `npm run bench [name …]`: ratios of speed, measured against the alternative in the same run. Never part of a test.
import { cpus, availableParallelism } from 'node:os'
import type { Ratio } from './ratio.js'

const BENCHES = ['startup', 'dare', 'svd', 'merge', 'training', 'large', 'attribution', 'stream', 'sweep']

const chosen = process.argv.slice(2).length ? process.argv.slice(2) : BENCHES
const wrong = chosen.find((name) => !BENCHES.includes(name))
if (wrong) {
  process.stderr.write(`unknown benchmark ${JSON.stringify(wrong)}; known: ${BENCHES.join(', ')}\n`)
  process.exit(2)
}
process.stdout.write(`${cpus()[0].model}, ${availableParallelism()} cores, Node ${process.version}\n`)
for (const name of chosen) {
  const { run } = (await import(`./${name}.js`)) as { run(): Promise<Ratio[]> }
  for (const { name: what, ratio, goal, milliseconds, comparison } of await run()) {
    process.stdout.write(`${what}: ${ratio.toFixed(2)} × (goal ${goal} ×; ${milliseconds.toFixed(1)} ms against ${comparison.toFixed(1)} ms)\n`)
  }
}
