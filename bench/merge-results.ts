// What `npm run bench merge` stores in results/bench: the machine, and every figure of every row.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { packageRoot, packageVersion } from '../src/files/index.js'
import { type Contestant, type Goal, ROWS } from './merge-rows.js'
import type { Figure } from './processes.js'

/** What the figures of a file have in common: they compare only then. */
export interface Setting {
  cpu: string
  cores: number
  /** GB. */
  memory: number
  node: string
  deltalab: string
  /** Version; null where mergekit was not run. */
  mergekit: string | null
  /** Where the files lay. */
  files: string
  parameters: number
  dtype: string
  /** Rounds in which the programs take turns. */
  rounds: number
}

/** A row as measured: the shortest wall time and the largest peak of the rounds. */
export interface MeasuredRow {
  row: string
  /** Day of the run. */
  date: string
  goals: Goal[]
  figures: Partial<Record<Contestant, Figure>>
  /** Wall times of every round, in seconds. */
  rounds: Partial<Record<Contestant, number[]>>
}

export interface Results {
  setting: Setting
  rows: MeasuredRow[]
}

/** Figures of an earlier release, and where they are from. */
export interface Previous {
  deltalab: string
  source: string
  rows: { row: string; figures: Partial<Record<Contestant, Figure>> }[]
}

const folder = join(packageRoot, 'results/bench')
const path = (name: string) => join(folder, name)
const readJson = (name: string): unknown =>
  existsSync(path(name)) ? JSON.parse(readFileSync(path(name), 'utf8')) : null

export const readResults = () => readJson('merge.json') as Results | null
export const readPrevious = () => readJson('previous.json') as Previous

export function describeSetting(common: Pick<Setting, 'files' | 'parameters' | 'rounds'>): Setting {
  return {
    cpu: cpus()[0]!.model,
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 1e9),
    node: process.version,
    deltalab: packageVersion(),
    mergekit: mergekitVersion(),
    dtype: 'bfloat16',
    ...common,
  }
}

/** The version of the mergekit that MERGEKIT names, from the Python that runs it. */
function mergekitVersion(): string | null {
  const { MERGEKIT } = process.env
  if (!MERGEKIT) return null
  const python = /^#!\s*(\S+python\S*)/.exec(readFileSync(MERGEKIT, 'latin1'))?.[1]
  if (!python) return 'unknown'
  const script = 'import importlib.metadata as m; print(m.version("mergekit"))'
  return execFileSync(python, ['-c', script], { encoding: 'utf8' }).trim()
}

/**
 * What is to be stored once `rows` are measured; null when they are only some, and those that are stored are of another
 * setting: their figures do not compare.
 */
export function withRows(setting: Setting, rows: readonly MeasuredRow[]): Results | null {
  const stored = readResults()
  const same = stored && JSON.stringify(stored.setting) === JSON.stringify(setting)
  if (stored && !same && rows.length < ROWS.length) return null
  const all = new Map([...(same ? stored.rows : []), ...rows].map((row) => [row.row, row]))
  return { setting, rows: ROWS.flatMap(({ name }) => all.get(name) ?? []) }
}

/** Stores the results and their table. */
export function storeResults(results: Results, table: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path('merge.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(path('README.md'), table)
}
