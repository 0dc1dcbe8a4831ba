// `npm run bench [-- --check] [name …]`: speed as a ratio to an alternative that is measured in the same run. Never part of a test.
// `--check` exits with 1 when a goal is missed by more than the noise of the rounds.
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const BENCHMARKS = ['startup', 'dare', 'svd', 'merge', 'training', 'large', 'attribution', 'stream', 'sweep']

const { values, positionals } = parseArgs({ allowPositionals: true, options: { check: { type: 'boolean' } } })
const wrong = positionals.find((name) => !BENCHMARKS.includes(name))
if (wrong !== undefined) {
  process.stderr.write(`unknown benchmark ${JSON.stringify(wrong)}; known: ${BENCHMARKS.join(', ')}\n`)
  process.exit(2)
}
process.stdout.write(`${cpus()[0]!.model}, ${availableParallelism()} cores, Node ${process.version}\n`)
for (const name of positionals.length ? positionals : BENCHMARKS) {
  const script = fileURLToPath(new URL('./run-one.js', import.meta.url))
  const { status } = spawnSync(process.execPath, [script, name, ...(values.check ? ['--check'] : [])], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
