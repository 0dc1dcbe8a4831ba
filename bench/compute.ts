// Forward passes, gradients and greedy answers on TensorFlow's own library and on wasm, beside PyTorch where the variable PYTHON names a
// Python with torch and transformers, and beside an earlier build where PREVIOUS names its folder; and whole commands. The programs
// take turns in one run.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/files/index.js'
import type { Comparison } from './compare.js'
import { type ComputeResults, describeSetting, GOALS, ratioOf, storeCompute } from './compute-results.js'
import { type ComputeTimes, makeWork } from './compute-work.js'
import { measureProgram } from './processes.js'

const ROUNDS = 2
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const note = (text: string): void => void process.stderr.write(`${text}\n`)

/** The programs that take turns, by their column. */
function programs(file: string): [name: string, command: string, words: string[]][] {
  const { PYTHON, PREVIOUS } = process.env
  const build = (root: string, backend: string) => [at('./compute-child.js'), root, backend, file]
  const torch = (threads: number): [string, string, string[]][] =>
    PYTHON
      ? [
          [
            `PyTorch, ${threads} thread${threads > 1 ? 's' : ''}`,
            PYTHON,
            [at('../../bench/compute_torch.py'), file, `${threads}`],
          ],
        ]
      : []
  const node = process.execPath
  return [
    ['native', node, build(packageRoot, 'tensorflow')],
    ['wasm', node, build(packageRoot, 'wasm')],
    ...torch(1),
    ...(availableParallelism() > 1 ? torch(availableParallelism()) : []),
    ...(PREVIOUS ? ['native', 'wasm'] : []).map((name): [string, string, string[]] => [
      `${name} before`,
      node,
      build(PREVIOUS!, name === 'native' ? 'tensorflow' : 'wasm'),
    ]),
  ]
}

/** Runs every program once more and adds its times; one that fails is named and left out. */
function takeTurns(list: ReturnType<typeof programs>, results: ComputeResults, answers: Map<string, number[][]>) {
  for (const [name, command, words] of list) {
    if (results.failed.includes(name)) continue
    try {
      const output = execFileSync(command, words, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1e8,
      })
      const made = JSON.parse(output.trim().split('\n').at(-1)!) as ComputeTimes
      results.versions[name] = made.version
      answers.set(name, made.answers)
      for (const [work, times] of Object.entries(made.times)) {
        const row = (results.rows[work] ??= {})
        row[name] = [...(row[name] ?? []), ...times]
      }
    } catch (error) {
      note(`${name} is not measured: ${(error as Error).message.split('\n')[0]}`)
      results.failed.push(name)
    }
  }
}

/** Whole commands of this build, and of the earlier one. */
async function timeCommands(results: ComputeResults, folder: string, small: boolean) {
  const { PREVIOUS } = process.env
  for (const [name, root] of [['wasm', packageRoot], ...(PREVIOUS ? [['wasm before', PREVIOUS]] : [])] as [
    string,
    string,
  ][]) {
    const main = join(root, 'dist/bundle/cli/main.js')
    const time = async (row: string, rounds: number, words: () => string[]) => {
      const seconds: number[] = []
      for (let i = 0; i < rounds; i++)
        seconds.push((await measureProgram({ command: process.execPath, words: [main, ...words()] })).seconds * 1000)
      results.rows[row] = { ...results.rows[row], [name]: seconds }
    }
    await time('deltalab --help', 9, () => ['--help'])
    const quickstart = (): string[] => {
      const out = mkdtempSync(join(folder, 'out-'))
      return ['sweep', join(root, 'configs/quickstart.yaml'), '--backend', 'wasm', '--out', join(out, 'q')]
    }
    if (!small) await time('deltalab sweep quickstart', ROUNDS, quickstart)
  }
}

export async function* run({ small }: { small: boolean }): AsyncGenerator<Comparison> {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-bench-'))
  const results: ComputeResults = { setting: describeSetting(), versions: {}, rows: {}, failed: [] }
  if (!process.env.PYTHON) note('PYTHON names no interpreter: PyTorch is left out')
  try {
    const file = join(folder, 'work.json')
    writeFileSync(file, JSON.stringify(await makeWork(packageRoot, small)))
    const answers = new Map<string, number[][]>()
    for (let round = 0; round < (small ? 1 : ROUNDS); round++) takeTurns(programs(file), results, answers)
    const [own] = answers.values()
    for (const [name, made] of answers)
      if (JSON.stringify(made) !== JSON.stringify(own)) note(`the answers of ${name} differ from those of the first`)
    await timeCommands(results, folder, small)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  for (const goal of GOALS) {
    const found = ratioOf(results, goal)
    if (!found) continue
    const { ratio, ours, theirs } = found
    yield {
      name: `${goal.row}: ${goal.ours}, against ${goal.theirs}`,
      ratio,
      ours,
      theirs,
      goal: goal.least,
      met: ratio >= goal.least,
    }
  }
  if (!small) storeCompute(results)
}
