// `npm run bench [-- --check] [name …]`: speed as a ratio to an alternative that is measured in the same run. Never part of a test.
// `--check` exits with 1 when a goal is missed by more than the noise of the rounds. `merge` takes names of its rows after it.
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PAIRS } from './compress-pairs.js'
import { ROWS } from './merge-rows.js'

const BENCHMARKS = [
  'startup',
  'dare',
  'svd',
  'merge',
  'training',
  'large',
  'divergence',
  'attribution',
  'stream',
  'sweep',
  'compress',
  'compute',
]
const ROWS_OF: Record<string, readonly string[]> = {
  merge: ROWS.map(({ name }) => name),
  compress: PAIRS.map(({ name }) => name),
}

const USAGE = `npm run bench [-- --check] [name …]; names: ${BENCHMARKS.join(', ')}
npm run bench merge [row …] [-- --small]; rows: ${ROWS_OF.merge!.join(', ')}; small models try the benchmark, and store nothing
npm run bench compress [pair …]; pairs: ${ROWS_OF.compress!.join('; ')}
The environment variable MERGEKIT names the command mergekit-yaml, which merge then measures too; PYTHON names a Python with the
packages of other compressors (bench/compress.ts), which compress measures, or with torch and transformers, which compute measures;
PREVIOUS names the folder of an earlier build, which compute measures too. npm run bench compute -- --small tries it, and stores nothing.
`
const { values, positionals } = readArguments()
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
process.stdout.write(`${cpus()[0]!.model}, ${availableParallelism()} cores, Node ${process.version}\n`)
for (const words of positionals.length ? groupWords(positionals) : BENCHMARKS.map((name) => [name])) {
  const script = fileURLToPath(new URL('./run-one.js', import.meta.url))
  const options = [...(values.check ? ['--check'] : []), ...(values.small ? ['--small'] : [])]
  const { status } = spawnSync(process.execPath, [script, ...words, ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}

/** Every benchmark with the rows that follow it. */
function groupWords(words: readonly string[]): string[][] {
  const groups: string[][] = []
  for (const word of words) {
    if (BENCHMARKS.includes(word)) groups.push([word])
    else if (ROWS_OF[groups.at(-1)?.[0] ?? '']?.includes(word)) groups.at(-1)!.push(word)
    else {
      process.stderr.write(`unknown benchmark ${JSON.stringify(word)}\n${USAGE}`)
      process.exit(2)
    }
  }
  return groups
}

function readArguments() {
  try {
    const options = {
      check: { type: 'boolean' },
      small: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const
    return parseArgs({ allowPositionals: true, options })
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`)
    process.exit(2)
  }
}
