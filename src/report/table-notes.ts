// What stands below a table: seeds, items, failed runs, mixed columns.
import { describeMetric } from '../naming/index.js'
import type { Row } from '../record/index.js'
import { extremes } from './extremes.js'
import { type Grouping, metricsOf, varies } from './groups.js'
import { isLoss, isScore, itemsNote, lossUnit } from './items.js'
import { isDistance } from './measures.js'
import { headingOf } from './table-columns.js'
import { metricWords, unitOf, wordsOf } from './words.js'

export function notesOf(
  rows: readonly Row[],
  grouping: Grouping,
  columns: readonly string[],
  { across, select }: { across: string | undefined; select: string[] },
): string[] {
  const { failed, groups } = grouping
  const mixed = grouping.mixed.filter((name) => !select.includes(name))
  const done = rows.filter((row) => row.status === 'ok')
  const [losses, scores, distances] = [isLoss, isScore, isDistance].map((test) => itemsNote(done, columns.filter(test)))
  const constant = ['model', 'task']
    .filter((name) => rows.length > 0 && !varies(rows, name))
    .map((name) => `${name} ${rows[0]![name as 'model' | 'task']}`)
  return [
    constant.join(', '),
    across ? `${columns.map((name) => headingOf(name, rows)).join(', ')} by ${wordsOf(across).axis}` : '',
    select.length ? chosenNote(select) : '',
    seedsNote(
      groups.map((group) => group.rows.length),
      mixed,
    ),
    [
      losses && `losses in ${lossUnit(done)}, ${losses}`,
      scores && `${scoreNote(done)}, ${scores}`,
      distances && `divergence from the post-trained model on ${distances}`,
    ]
      .filter(Boolean)
      .join('; '),
    columns.includes('bits_per_parameter') ? BITS_NOTE : '',
    failed.length ? failureNote(failed) : '',
  ].filter(Boolean)
}

export const BITS_NOTE = 'bits per parameter are an estimate: a value that is kept of the delta takes 16'

/** How the scores of rows are to be read. */
function scoreNote(rows: readonly Row[]): string {
  const metrics = metricsOf(rows).filter((metric) => metric !== null)
  const numbers = metrics.filter((metric) => unitOf([metric]) !== 'share')
  const lower = numbers.filter((metric) => describeMetric(metric).lowerIsBetter).map(metricWords)
  const percent = numbers.length < metrics.length ? ' in percent' : ''
  return `scores${percent}${lower.length ? ` (of ${lower.join(' and ')} lower is better)` : ''}`
}

/** What the means are over. @param runs number of runs behind each line @param mixed columns beside the seed that vary among them */
export function seedsNote(runs: readonly number[], mixed: readonly string[] = []): string {
  if (runs.length === 0) return 'no finished run'
  const [least, most] = extremes(runs)
  const count = least === most ? most : `${least} to ${most}`
  if (most === 1) return 'single runs'
  return mixed.length
    ? `mean ± standard error over ${count} runs of different ${mixed.join(', ')}: tell them apart with --by`
    : `mean ± standard error over runs that differ in their seed (${count})`
}

/** How the values of some columns came about. */
export const chosenNote = (select: readonly string[]): string =>
  `chosen on the validation items: ${select.map((name) => wordsOf(name).heading).join(', ')}`

export function failureNote(failed: readonly Row[]): string {
  const reasons = [...new Set(failed.map((row) => row.error ?? 'no reason given'))].sort()
  return `${failed.length} failed ${failed.length === 1 ? 'run' : 'runs'} left out: ${reasons.slice(0, 3).join('; ')}`
}
