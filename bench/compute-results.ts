// What `npm run bench compute` stores in results/bench: the times of every program, and their table with the goals.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { packageRoot, packageVersion } from '../src/files/index.js'

export interface ComputeResults {
  setting: { cpu: string; cores: number; memory: number; node: string; deltalab: string; date: string }
  /** What computes in each column. */
  versions: Record<string, string>
  /** Milliseconds of every round, by work and by column. */
  rows: Record<string, Record<string, number[]>>
  /** Columns that could not be measured. */
  failed: string[]
}

/** `theirs` over `ours` is to be at least `least`; a number is a bound in milliseconds. */
export interface ComputeGoal {
  row: string
  ours: string
  theirs: string | number
  least: number
}

const LARGE = '97.5M, 512 tokens'
const SMALL = '0.84M, 32 × 64 tokens'
const TORCH = `PyTorch, 2 threads`
export const GOALS: readonly ComputeGoal[] = [
  { row: `${LARGE}, forward`, ours: 'native', theirs: TORCH, least: 1 },
  { row: `${LARGE}, gradient`, ours: 'native', theirs: TORCH, least: 0.9 },
  { row: `${SMALL}, forward`, ours: 'native', theirs: TORCH, least: 0.6 },
  { row: `${SMALL}, gradient`, ours: 'native', theirs: TORCH, least: 0.6 },
  { row: `${LARGE}, forward`, ours: 'wasm', theirs: 'wasm before', least: 2.5 },
  { row: `${LARGE}, gradient`, ours: 'wasm', theirs: 'wasm before', least: 2.5 },
  { row: `${SMALL}, gradient`, ours: 'wasm', theirs: 'wasm before', least: 1.5 },
  { row: 'answers', ours: 'wasm', theirs: 'wasm before', least: 2 },
  { row: 'answers', ours: 'native', theirs: 'native before', least: 4 },
  { row: 'deltalab sweep quickstart', ours: 'wasm', theirs: 'wasm before', least: 1 / 0.6 },
  { row: 'deltalab --help', ours: 'wasm', theirs: 150, least: 1 },
]

const path = (name: string) => join(packageRoot, 'results/bench', name)

export const readCompute = (): ComputeResults | null =>
  existsSync(path('compute.json')) ? JSON.parse(readFileSync(path('compute.json'), 'utf8')) : null

export const describeSetting = (): ComputeResults['setting'] => ({
  cpu: cpus()[0]!.model,
  cores: availableParallelism(),
  memory: Math.round(totalmem() / 1e9),
  node: process.version,
  deltalab: packageVersion(),
  date: new Date().toISOString().slice(0, 10),
})

export function storeCompute(results: ComputeResults): void {
  mkdirSync(path(''), { recursive: true })
  const text = JSON.stringify(
    results,
    (_, value) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value),
    1,
  )
  writeFileSync(path('compute.json'), `${text}\n`)
  // The table is that of the times as they are stored.
  writeFileSync(path('compute.md'), describeCompute(JSON.parse(text) as ComputeResults))
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

/** The medians of both sides of a goal, and how many times less ours is; null where one was not measured. */
export function ratioOf({ rows }: Pick<ComputeResults, 'rows'>, { row, ours, theirs }: ComputeGoal) {
  const of = (side: string | number) => (typeof side === 'number' ? side : rows[row]?.[side] && median(rows[row][side]))
  const [our, their] = [of(ours), of(theirs)]
  return our === undefined || their === undefined ? null : { ours: our, theirs: their, ratio: their / our }
}

export function describeCompute(results: ComputeResults): string {
  const { setting, versions, rows } = results
  const columns = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = (head: string[], body: string[][]) =>
    [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
  const times = Object.entries(rows).map(([name, row]) => [
    name,
    ...columns.map((column) => (row[column] ? median(row[column]).toFixed(0) : '')),
  ])
  const goals = GOALS.flatMap((goal) => {
    const found = ratioOf(results, goal)
    const [against, verdict] = [
      typeof goal.theirs === 'number' ? `${goal.theirs} ms` : goal.theirs,
      found && found.ratio >= goal.least,
    ]
    return found
      ? [
          [
            goal.row,
            goal.ours,
            against,
            found.ratio.toFixed(2),
            `at least ${goal.least.toFixed(2)}: ${verdict ? 'met' : '**missed**'}`,
          ],
        ]
      : []
  })
  return `${[
    '# Speed of passes and answers',
    'Written by `npm run bench compute` from [compute.json](compute.json). Do not edit it by hand.',
    [
      'Milliseconds, medians of one run in which the programs take turns. A forward pass gives the losses, a gradient that of every weight.',
      '*answers*: greedy answers to 64 items of the task math by `checkpoints/large/base`, in one batch, with `transformers.generate` in the columns of PyTorch.',
      '*before* is the build that a column is compared with. PyTorch runs the Llama of transformers with eager attention.',
    ].join('\n'),
    `Machine: ${setting.cpu}, ${setting.cores} cores, ${setting.memory} GB, Node ${setting.node}, deltalab ${setting.deltalab}. Measured ${setting.date}.`,
    table(['what', ...columns], times),
    '## Goals',
    table(['what', 'measured', 'against', 'times as fast', 'goal'], goals),
    '## Versions',
    table(['column', 'version'], Object.entries(versions)),
  ].join('\n\n')}\n`
}
