// Rows → one table of means over seeds: a line per edit, or a line per series with the values of one column across.

import type { Row, View } from '../record/index.js'
import { endColumns } from './ends.js'
import {
  type CellValue,
  cellOf,
  checkColumns,
  compareValues,
  groupRows,
  type Mean,
  meanOf,
  metricsOf,
  type Order,
  rowsWhere,
} from './groups.js'
import { xOf } from './options.js'
import { selectRows } from './select.js'
import type { ReportSource } from './source.js'
import { defaultKeys, defaultMeasures, headingOf } from './table-columns.js'
import { notesOf } from './table-notes.js'
import { formatNumber, hasMetric, unitOf, wordsOf } from './words.js'

/** What a table shows. */
export interface TableOptions {
  /** Title; that of the experiment unless given. */
  title?: string | undefined
  /** Columns that name a line of the table; those that tell the runs apart unless given. */
  by?: string[] | undefined
  /** Measures, each as mean ± standard error; loss change, its approximations and the scores unless given. */
  columns?: string[] | undefined
  /** A column whose values stand across the table, each with the measures. */
  across?: string | undefined
  /** Only rows in which each of these columns has the value, or one of the values, given. */
  where?: View['where'] | undefined
  /** Options of which only the value is shown that is best on the validation items. */
  select?: string[] | undefined
}

/** One measure of one line. */
export interface Cell extends Mean {
  /** The common value of a column of words; `mixed` where the runs differ. */
  word: string | null
  /** Metric of a score that is no share. */
  metric?: string
}

/** A measure, or with `across` a measure at one value of that column. */
export interface TableColumn {
  /** Name of the measure. */
  name: string
  /** Heading in words. */
  heading: string
  /** What it is measured on, where the table has a measure several times: the name of a task, `text` or `task`. */
  of?: string
}

/** Runs that agree in the columns that name a line. */
export interface TableLine {
  /** Values of the columns that name the line. */
  keys: CellValue[]
  /** How many runs stand behind the line. */
  runs: number
  /** One cell per column of the table. */
  cells: Cell[]
}

/** A table as data: means with standard errors over seeds. */
export interface Table {
  /** Title above the table. */
  title: string
  /** Columns that name a line. */
  by: string[]
  /** Measures in the order of the cells. */
  columns: TableColumn[]
  /** Lines in the order of the config. */
  lines: TableLine[]
  /** Sentences below the table: seeds, items, failed runs, mixed columns. */
  notes: string[]
}

/** A table longer than this is hard to read: the x axis of the first figure goes across. */
const LONG = 40

/** The table of a folder: a line per edit. A long one shows the measure of the first view, which is no scatter, across its x. Of merges, tasks stand across. */
export function reportTable({ rows, title, order, views, ofView, axes }: ReportSource): Table {
  if (rows.length > 0 && rows.every((row) => row.merger !== null))
    return makeTable(rows, title, { across: 'task' }, order)
  // The x of a scatter is measured, so that every edit has another one.
  const view = views.find(({ kind }) => kind !== 'scatter')
  const by = defaultKeys(rows)
  if (view === undefined || groupRows(rows, by).groups.length <= LONG) return makeTable(rows, title, { by }, order)
  const measures = [view.y ?? []].flat().slice(0, 1)
  const options: TableOptions = {
    across: xOf(rows, view, axes),
    ...(view.where === undefined && view.select === undefined && { by }),
    where: view.where,
    select: [view.select ?? []].flat(),
    ...(measures.length && { columns: measures }),
  }
  return ofView(views.indexOf(view), () => makeTable(rows, title, options, order))
}

/** Means per group. Throws a UserError with the nearest name for an unknown column. */
export function makeTable(
  all: readonly Row[],
  title: string,
  options: TableOptions = {},
  order: Order = new Map(),
): Table {
  const { across, select = [], where } = options
  const named = [options.by, options.columns, across, select, Object.keys(where ?? {})].flatMap((names) => names ?? [])
  checkColumns(named, all)
  const rows = selectRows(rowsWhere(all, where), select)
  const by = (options.by ?? defaultKeys(rows)).filter((name) => name !== across)
  const measures = options.columns ?? defaultMeasures(rows, across !== undefined)
  const grouping = groupRows(rows, across ? [...by, across] : by, order)
  const values = across
    ? [...new Set(rows.map((row) => cellOf(row, across)))].sort((a, b) => compareValues(a, b, order))
    : []
  const columns: MeasureColumn[] = across
    ? acrossColumns(rows, measures, across, values)
    : measures.map((name) => ({ name, heading: headingOf(name, rows) }))
  const lines = (across ? groupRows(rows, by, order) : grouping).groups.map((group) => ({
    keys: by.map((name) => group.keys[name] ?? null),
    runs: across
      ? Math.max(...values.map((value) => group.rows.filter((row) => cellOf(row, across) === value).length))
      : group.rows.length,
    cells: columns.map(({ name, at }) =>
      cellFor(at === undefined ? group.rows : group.rows.filter((row) => cellOf(row, across!) === at), name),
    ),
  }))
  return {
    title: options.title ?? title,
    by,
    columns: columns.map(({ name, heading }) => ({ name, heading })),
    lines: [...(across === 'task' ? endLines(rows, by, columns) : []), ...lines],
    notes: notesOf(rows, grouping, measures, { across, select }),
  }
}

interface MeasureColumn extends TableColumn {
  /** Value of the column across. */
  at?: CellValue
}

/** Base and post-trained model on every task: they have a line each, where in other tables they have a column. */
function endLines(rows: readonly Row[], by: readonly string[], columns: readonly MeasureColumn[]): TableLine[] {
  const models = by.includes('model') ? [...new Set(rows.map((row) => row.model))] : [null]
  const line = (model: string | null, end: string, place: number) => ({
    keys: by.map((name) => (name === 'model' ? model : name === 'label' ? end : null)),
    runs: 1,
    cells: columns.map(({ name, at }): Cell => {
      const own = rows.filter((row) => row.task === at && (model === null || row.model === model))
      const reference = endColumns(name)[place]
      return reference ? { ...cellFor(own, reference), error: null } : { mean: null, error: null, n: 0, word: null }
    }),
  })
  return models.flatMap((model) => [line(model, 'base', 1), line(model, 'post-trained', 0)])
}

function acrossColumns(rows: readonly Row[], measures: string[], across: string, values: CellValue[]): MeasureColumn[] {
  const references = across === 'task' ? [] : measures.flatMap(endColumns).filter((name) => !measures.includes(name))
  return [
    ...references.map((name) => ({ name, heading: headingOf(name, rows) })),
    ...values.flatMap((at) =>
      measures.map((name) => {
        const value =
          typeof at === 'number' ? formatNumber('key', at) : at === null ? `no ${wordsOf(across).heading}` : String(at)
        return { name, at, heading: measures.length > 1 ? `${headingOf(name, rows)} ${value}` : value }
      }),
    ),
  ]
}

export const cellFor = (rows: readonly Row[], name: string): Cell => {
  const words = [...new Set(rows.map((row) => cellOf(row, name)).filter((value) => typeof value === 'string'))]
  const metrics = metricsOf(rows)
  const [metric] = metrics
  const own = metric != null && hasMetric(name) && metrics.length === 1 && unitOf(metrics) !== 'share' ? { metric } : {}
  return { ...meanOf(rows, name), word: words.length === 0 ? null : words.length === 1 ? words[0]! : 'mixed', ...own }
}
