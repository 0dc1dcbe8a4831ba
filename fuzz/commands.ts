// A sample of the changed files through the command line, each in a process of its own: one line and an exit code, or a result.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../src/files/index.js'
import type { Kind } from './kind.js'
import { mutate } from './mutate.js'
import type { Outcome, Tally } from './run.js'

/** What a person would see. */
function outcomeOf({ status, signal, stdout, stderr }: ReturnType<typeof spawnSync>): Outcome {
  const said = String(stderr)
  if (signal) return { kind: signal === 'SIGTERM' ? 'hang' : 'abort', text: `${signal}: ${said.slice(-500)}` }
  if (/[^\P{Cc}\n\t\r]/u.test(`${String(stdout)}${said}`))
    return { kind: 'unclear', text: 'control characters were printed' }
  if (status === 0)
    return /\b(NaN|Infinity)\b/.test(String(stdout))
      ? { kind: 'wrong', text: String(stdout).slice(0, 500) }
      : { kind: 'fine', text: '' }
  const lines = said
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('warning'))
  return lines.at(-1)!.startsWith('deltalab: ') && !/^\s+at /m.test(said)
    ? { kind: 'line', text: lines.at(-1)! }
    : { kind: 'trace', text: said.slice(-1500) }
}

/** Changes 0 … runs − 1 of the samples of a kind that a command reads. */
export async function runCommands(
  { form, open }: Kind,
  { runs, seed }: { runs: number; seed: number },
): Promise<Tally> {
  const tally: Tally = { counts: {}, findings: [] }
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-fuzz-'))
  try {
    const samples = (await open(folder)).filter(({ command }) => command)
    for (let number = 0; samples.length && number < runs; number++) {
      const { file, command } = samples[number % samples.length]!
      const original = readFileSync(file)
      const { bytes, what } = mutate(form, original, seed + number)
      writeFileSync(file, bytes)
      const outcome = outcomeOf(
        spawnSync(process.execPath, [join(packageRoot, 'dist/bundle/cli/main.js'), ...command!], {
          encoding: 'utf8',
          timeout: 60_000,
        }),
      )
      writeFileSync(file, original)
      tally.counts[outcome.kind] = (tally.counts[outcome.kind] ?? 0) + 1
      if (outcome.kind !== 'line' && outcome.kind !== 'fine') tally.findings.push({ ...outcome, number, what })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return tally
}
