// `npm run bench [-- --check] [name …]`: speed as a ratio to an alternative that is measured in the same run. Never part of a test.
// `--check` exits with 1 when a goal is missed by more than the noise of the rounds.
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const BENCHMARKS = ['startup', 'dare', 'svd', 'merge', 'training', 'large', 'attribution', 'stream', 'sweep']

const USAGE = `npm run bench [-- --check] [name …]; names: ${BENCHMARKS.join(', ')}\n`
const { values, positionals } = readArguments()
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
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

function readArguments() {
  try {
    const options = { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ allowPositionals: true, options })
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`)
    process.exit(2)
  }
}
