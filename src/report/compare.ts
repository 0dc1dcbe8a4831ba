// Two results folders beside each other: the runs that only one has, the settings that changed, and the numbers that differ by more
// than their standard error.
import { z } from 'zod'
import { describeMetric } from '../naming/index.js'
import { type Meta, OTHERS, otherScore, type Results, type Row, runName } from '../record/index.js'
import { isObject } from '../schema/index.js'
import { parseYaml } from '../yaml/index.js'
import { cellOf } from './groups.js'

/** Columns that are compared, beside further scores. */
const MEASURED = [
  'loss_pre',
  'loss_post',
  'loss_change',
  'riemann_sum',
  'taylor1',
  'taylor2',
  'score_pre',
  'score_post',
  'score_edited',
  'score_validation',
] as const

/** Numbers without a standard error agree where they differ by less than this part of the larger one. */
const CLOSE = 1e-4

/** Losses are differences of logits in float32, and backends round them differently: below this, in nats, two numbers are the same. */
const ROUNDING = 1e-6

/** A number of a run that two folders have, and that differs by more than its error. */
interface Difference {
  /** The run in words: model, task, label, options, seed. */
  run: string
  /** Name of the column, or of a further score: `others_edited.kl`. */
  column: string
  /** Its values; null for an empty cell, a word for `status`. */
  first: number | string | null
  second: number | string | null
  /** Standard error of the difference; null where none is known. */
  error: number | null
}

/** What two results folders have in common, and what they have not. */
export interface Comparison {
  /** Whether both have the same runs, and no number differs by more than its error. */
  agree: boolean
  /** Settings and origins that differ, in words. */
  changed: string[]
  /** Runs that only one has, in words. */
  onlyFirst: string[]
  onlySecond: string[]
  /** Number of runs that both have, of those whose numbers are equal, and of those whose numbers agree within their errors. */
  both: number
  equal: number
  close: number
  /** Numbers of the other runs, the largest difference in standard errors first. */
  differences: Difference[]
}

/** Pairs of rows of one run: of the same id; of the others, of the same words. */
function pairRows(first: readonly Row[], second: readonly Row[]) {
  const pairs: [Row, Row][] = []
  let [left, right] = [[...first], [...second]]
  for (const keyOf of [({ id }: Row) => id, runName]) {
    const found = new Map(right.map((row) => [keyOf(row), row]))
    const paired = new Set<Row>()
    for (const row of left) {
      const other = found.get(keyOf(row))
      if (!other || paired.has(other)) continue
      pairs.push([row, other])
      paired.add(row).add(other)
    }
    left = left.filter((row) => !paired.has(row))
    right = right.filter((row) => !paired.has(row))
  }
  return { pairs, left, right }
}

/** Names of the numbers that are compared of a run. The error of another number is none of them. */
const measuredOf = (...rows: Row[]): Set<string> =>
  new Set([
    ...MEASURED,
    ...OTHERS.flatMap((column) =>
      rows.flatMap((row) => Object.keys(row[column] ?? {}).map((score) => `${column}.${score}`)),
    ).filter((name) => !name.endsWith('_se')),
  ])

const numberOf = (row: Row, name: string): number | null => cellOf(row, name) as number | null

/**
 * Standard error of a number of a row: of a score the one beside it, as kl has, or else, where it is a share, that of n answers, with one right
 * and one wrong answer more, so that it is never 0.
 */
function errorOf(row: Row, name: string): number | null {
  if (name === 'loss_change' || name === 'riemann_sum' || name.startsWith('taylor')) return row.loss_change_se
  const other = otherScore(name)
  const metric = other?.score ?? (name.startsWith('score') ? row.metric : null)
  if (metric === null) return null
  const column = other?.column ?? `others_${name.slice('score_'.length)}`
  const own = cellOf(row, `${column}.${metric}_se`)
  if (typeof own === 'number') return own
  if (row.n === null || describeMetric(metric).unit !== 'share') return null
  // A share that may be below 0 is a difference of two.
  const share = (Math.abs(numberOf(row, name)!) * row.n + 1) / (row.n + 2)
  return Math.sqrt((share * (1 - share)) / row.n)
}

function compareRuns(first: Row, second: Row): Difference[] {
  const run = runName(first)
  if (first.status !== second.status)
    return [{ run, column: 'status', first: first.status, second: second.status, error: null }]
  return [...measuredOf(first, second)].flatMap((column): Difference[] => {
    const [a, b] = [numberOf(first, column), numberOf(second, column)]
    if (a === b) return []
    if (a === null || b === null) return [{ run, column, first: a, second: b, error: null }]
    const [errorA, errorB] = [errorOf(first, column), errorOf(second, column)]
    const error = errorA === null || errorB === null ? null : Math.hypot(errorA, errorB)
    const most = Math.max(error ?? CLOSE * Math.max(Math.abs(a), Math.abs(b)), ROUNDING)
    return Math.abs(a - b) > most ? [{ run, column, first: a, second: b, error }] : []
  })
}

const isEqual = (first: Row, second: Row): boolean =>
  first.status === second.status &&
  [...measuredOf(first, second)].every((name) => numberOf(first, name) === numberOf(second, name))

/** Differences in standard errors; what has no error comes first. */
const sizeOf = ({ first, second, error }: Difference): number =>
  typeof first === 'number' && typeof second === 'number' && error ? Math.abs(first - second) / error : Infinity

/** Compares the rows of two results folders, and what they come from. */
export function compareResults(first: Results, second: Results): Comparison {
  const { pairs, left, right } = pairRows(first.rows, second.rows)
  const others = pairs.filter(([a, b]) => !isEqual(a, b))
  const found = others.map(([a, b]) => compareRuns(a, b))
  const differences = found.flat().sort((a, b) => sizeOf(b) - sizeOf(a))
  return {
    agree: differences.length === 0 && left.length === 0 && right.length === 0,
    changed: [
      ...changesOf(settingsOf(first), settingsOf(second)),
      ...changesOf(originsOf(first.meta), originsOf(second.meta)),
    ],
    onlyFirst: left.map(runName),
    onlySecond: right.map(runName),
    both: pairs.length,
    equal: pairs.length - others.length,
    close: found.filter((each) => each.length === 0).length,
    differences,
  }
}

/** Leaves of a value by their path, as JSON. */
function leavesOf(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (isObject(value) || Array.isArray(value))
    for (const [key, inner] of Object.entries(value)) leavesOf(inner, path ? `${path}.${key}` : key, into)
  else into.set(path, JSON.stringify(value))
  return into
}

/** What the rows of a config depend on. */
function settingsOf({ config, folder }: Results): Map<string, string> {
  const value = parseYaml(config, `${folder}/config.yaml`, z.unknown()).value
  const { title: _, report: __, ...settings } = isObject(value) ? value : {}
  return leavesOf(settings)
}

function originsOf({ inputs, tasks, backend, definitions, plugins, environment }: Meta): Map<string, string> {
  const { deltalab, commit, tfjs } = environment
  return leavesOf({
    deltalab,
    commit,
    tfjs,
    backend: backend.package,
    inputs,
    tasks,
    definitions,
    plugins: Object.fromEntries((plugins ?? []).map(({ name, sha256 }) => [name, sha256])),
  })
}

const changesOf = (first: ReadonlyMap<string, string>, second: ReadonlyMap<string, string>): string[] =>
  [...new Set([...first.keys(), ...second.keys()])]
    .filter((key) => first.get(key) !== second.get(key))
    .map((key) => `${key}: ${short(first.get(key))} → ${short(second.get(key))}`)

const short = (text: string | undefined): string =>
  text === undefined ? 'absent' : text.length > 40 ? `${text.slice(0, 37)}…` : text
