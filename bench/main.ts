// `npm run bench [name …]`: ratios of speed, measured against the alternative in the same run. Never part of a test.
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const BENCHES = ['startup', 'dare', 'svd', 'merge', 'training', 'large', 'attribution', 'stream', 'sweep']

const chosen = process.argv.slice(2).length ? process.argv.slice(2) : BENCHES
const wrong = chosen.find((name) => !BENCHES.includes(name))
if (wrong) {
  process.stderr.write(`unknown benchmark ${JSON.stringify(wrong)}; known: ${BENCHES.join(', ')}\n`)
  process.exit(2)
}
process.stdout.write(`${cpus()[0]!.model}, ${availableParallelism()} cores, Node ${process.version}\n`)
for (const name of chosen) {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('./one.js', import.meta.url)), name], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
