// The columns of a table that nobody named: what names a line, and what is measured.
import type { Row } from '../record/index.js'
import { AXIS_ORDER, type CellValue, cellOf, identityColumns, metricsOf, varies } from './groups.js'
import { wordsOf } from './words.js'

const MEASURES = [
  'loss_change',
  'class',
  'riemann_sum',
  'taylor2',
  // Of self-correction, what the score came from stands before it.
  'others_edited.first',
  'others_edited.wrong_right',
  'others_edited.right_wrong',
  'score_edited',
  'score_post',
  'score_pre',
]

export const headingOf = (name: string, rows: readonly Row[]) => wordsOf(name, metricsOf(rows)).heading

/** Measures that some row has; with `one`, the one that tells most. */
export function defaultMeasures(rows: readonly Row[], one: boolean): string[] {
  const present = MEASURES.filter((name) => rows.some((row) => cellOf(row, name) !== null))
  const stored = varies(rows, 'bits') || varies(rows, 'rank') ? ['bits_per_parameter'] : []
  return one ? [present.includes('score_edited') ? 'score_edited' : 'loss_change'] : [...stored, ...present]
}

/** Model, task and label where they vary, then the options that tell runs of one label apart. */
export function defaultKeys(rows: readonly Row[]): string[] {
  // Of merges, an option that the label tells is not said again.
  const merges = rows.some((row) => row.merger !== null)
  const splitsLabels = splitter(rows, ['label'])
  const axes = AXIS_ORDER.filter((name) => varies(rows, name) && (!merges || splitsLabels(name)))
  const named = [...AXIS_ORDER, 'experiment', 'editor', 'merger', 'model', 'task', 'merged', 'label']
  const splits = splitter(rows, ['label', ...axes])
  const options = identityColumns(rows).filter((name) => !named.includes(name) && splits(name))
  const keys = ['model', 'task', 'merged', 'label'].filter((name) => varies(rows, name))
  return [...(keys.length ? keys : ['label']), ...axes, ...options]
}

/** A test of columns: true when runs that agree in `given` differ in the column. */
export function splitter(rows: readonly Row[], given: readonly string[]): (name: string) => boolean {
  let agreed: string[] | undefined
  return (name) => {
    if (!varies(rows, name)) return false
    agreed ??= rows.map((row) => JSON.stringify(given.map((column) => cellOf(row, column))))
    const found = new Map<string, CellValue>()
    return rows.some((row, i) => {
      const value = cellOf(row, name)
      if (!found.has(agreed![i]!)) found.set(agreed![i]!, value)
      return found.get(agreed![i]!) !== value
    })
  }
}
