// Options chosen on validation items and not in hindsight: of runs that differ in them, those that score best there are kept.
import { UserError } from '../errors/index.js'
import { describeMetric } from '../naming/index.js'
import type { Row } from '../record/index.js'
import { type CellValue, cellOf, compareValues, identityColumns, meanOf, metricsOf } from './groups.js'
import { metricWords, unitOf } from './words.js'

interface Candidate {
  values: CellValue[]
  rows: Row[]
}

/**
 * For every edit of a model on a task, and for every merge over its tasks together (it is one model on all of them), the rows of the
 * value of `names` with the best mean of `score_validation`, which of some metrics is the lowest; seeds count alike within a task, and tasks alike. Of equal
 * means the lowest value is taken. What has only one value stays as it is; so do failed rows of what is kept.
 * @throws UserError where no runs differ in `names` alone, or have no score to choose by
 */
export function selectRows(rows: readonly Row[], names: readonly string[]): Row[] {
  if (names.length === 0) return [...rows]
  const fixed = identityColumns(rows).filter((name) => !names.includes(name))
  const groups = groupBy(rows, (row) =>
    fixed.map((name) => (name === 'task' && row.merger !== null ? null : cellOf(row, name))),
  )
  const choices = groups.map((group) => groupBy(group.rows, (row) => names.map((name) => cellOf(row, name))))
  if (choices.every(({ length }) => length < 2))
    throw new UserError(`there is nothing to choose: no runs differ in ${names.join(' and ')} alone`)
  const kept = new Set(
    choices.flatMap((candidates) => (candidates.length > 1 ? best(candidates, names) : candidates[0]!).rows),
  )
  return rows.filter((row) => kept.has(row))
}

function best(candidates: readonly Candidate[], names: readonly string[]): Candidate {
  const tasks = [...new Set(candidates.flatMap(({ rows }) => rows.map(({ task }) => task)))]
  const metrics = metricsOf(candidates.flatMap(({ rows }) => rows))
  const signs = new Set(metrics.map((metric) => (metric !== null && describeMetric(metric).lowerIsBetter ? -1 : 1)))
  if (tasks.length > 1 && (signs.size > 1 || unitOf(metrics) === null))
    throw new UserError(
      `${candidates[0]!.rows[0]!.label}: ${metrics.map(metricWords).join(' and ')} have no common mean to choose ${names.join(' and ')} by: choose for the tasks one by one, with where`,
    )
  const [sign = 1] = signs
  const scoreOf = ({ rows }: Candidate): number => {
    const means = tasks
      .map(
        (task) =>
          meanOf(
            rows.filter((row) => row.task === task),
            'score_validation',
          ).mean,
      )
      .map((mean) => (mean === null ? null : sign * mean))
    // A value that failed on one of the tasks cannot be compared with the others.
    return means.reduce<number>((sum, mean) => (mean === null ? -Infinity : sum + mean / tasks.length), 0)
  }
  const ordered = candidates
    .map((candidate) => ({ candidate, score: scoreOf(candidate) }))
    .sort((a, b) => b.score - a.score || compareAll(a.candidate.values, b.candidate.values))
  const { candidate, score } = ordered[0]!
  if (score > -Infinity) return candidate
  const { label } = candidate.rows[0]!
  throw new UserError(
    `${label}: no score_validation to choose ${names.join(' and ')} by: give \`validation\` in the section \`score\` of the experiment, and sweep again`,
  )
}

const compareAll = (a: readonly CellValue[], b: readonly CellValue[]): number =>
  a.map((value, i) => compareValues(value, b[i]!)).find((order) => order !== 0) ?? 0

function groupBy(rows: readonly Row[], valuesOf: (row: Row) => CellValue[]): Candidate[] {
  const found = new Map<string, Candidate>()
  for (const row of rows) {
    const values = valuesOf(row)
    const key = JSON.stringify(values)
    if (!found.has(key)) found.set(key, { values, rows: [] })
    found.get(key)!.rows.push(row)
  }
  return [...found.values()]
}
