// What a figure shows: a view of the config, and for what it leaves open, what the rows themselves suggest.
import type { Row, View } from '../record/index.js'
import { AXIS_ORDER, cellOf, distinct, identityColumns, varies } from './groups.js'
import { distanceOf } from './measures.js'
import { unitOf } from './words.js'

export interface FigureOptions {
  kind: View['kind']
  x: string
  /** Measures on y, drawn together; they share a unit. */
  y: string[]
  /** Columns whose values tell the lines apart. */
  series: string[]
  /** Columns whose values are panels side by side, and one below the other. Two columns without a grid: pairs, one after the other. */
  columns: string[]
  rows: string[]
  references: boolean
  logX: boolean
  /** Undefined: chosen from the values. */
  logY?: boolean | undefined
}

/** The column on x of a figure, and of what a table tells across. */
export function xOf(rows: readonly Row[], { x, kind }: Partial<View>, axes: readonly string[] = []): string {
  return x ?? (kind === 'scatter' ? 'bits_per_parameter' : bestAxis(rows, axes))
}

/** Fills in a view, whose columns are known. */
export function figureOptions(rows: readonly Row[], view: Partial<View>, axes: readonly string[] = []): FigureOptions {
  const list = (given: string | string[] | undefined) => (given === undefined ? undefined : [given].flat())
  const scattered = view.kind === 'scatter'
  const x = xOf(rows, view, axes)
  const panels = panelColumns(rows, view, [x, ...(list(view.series) ?? [])])
  const taken = [x, ...panels.columns, ...panels.rows]
  const series =
    list(view.series) ??
    (scattered ? ['label'] : undefined) ??
    ['label', 'experiment', ...AXIS_ORDER].filter(
      (name) => !taken.includes(name) && varies(rows, name) && !follows(rows, [x, 'label'], name),
    )
  const scored = rows.filter((row) => row.score_edited !== null)
  const lossy = rows.some((row) => row.loss_change !== null)
  const mixed = unitOf(scored.map(({ metric }) => metric)) === null
  // Scores in several units have no axis in common: the losses have, and so have the divergences of rows without a loss.
  const told = mixed && !lossy && rows.some((row) => distanceOf(row, 'kl') !== null) ? 'kl' : 'score_edited'
  const best = scored.length > 0 && !(lossy && mixed) ? told : 'loss_change'
  return {
    kind: view.kind ?? 'line',
    x,
    y: list(view.y) ?? (view.kind === 'box' ? ['term'] : [best]),
    series,
    ...panels,
    references: view.references ?? true,
    logX: view.log_x ?? false,
    logY: view.log_y,
  }
}

/**
 * The numeric option with the most values, of rows of several experiments one that most of these have; of equal ones, one that an
 * editor of a plugin names as its axis.
 */
function bestAxis(rows: readonly Row[], axes: readonly string[]): string {
  const [best] = [...new Set([...axes, ...AXIS_ORDER, ...identityColumns(rows)])]
    .map((name) => ({ name, having: rows.filter((row) => typeof cellOf(row, name) === 'number') }))
    .filter(({ having }) => having.length > 1)
    .map(({ name, having }) => ({ name, values: distinct(rows, name), experiments: distinct(having, 'experiment') }))
    .filter(({ values }) => values > 1)
    .sort((a, b) => b.experiments - a.experiments || b.values - a.values)
  return best?.name ?? 'label'
}

function panelColumns(
  rows: readonly Row[],
  view: Partial<View>,
  taken: string[],
): { columns: string[]; rows: string[] } {
  const free = (name: string) => !taken.includes(name) && varies(rows, name)
  if (view.columns !== undefined || view.rows !== undefined) {
    const columns = view.columns ?? (view.rows !== 'task' && free('task') ? 'task' : undefined)
    const down = view.rows ?? (columns !== 'model' && free('model') ? 'model' : undefined)
    return { columns: columns ? [columns] : [], rows: down ? [down] : [] }
  }
  const varying = ['task', 'model'].filter(free)
  if (varying.length < 2) return { columns: varying, rows: [] }
  return { columns: ['task'], rows: ['model'] }
}

/**
 * Pairs, one after the other, in place of a grid with empty places: vega puts panels of such a grid where they do not belong.
 * @param drawn the rows with something to draw
 */
export function withoutGaps(options: FigureOptions, drawn: readonly Row[]): FigureOptions {
  const { columns, rows } = options
  const count = (names: string[]) =>
    new Set(drawn.map((row) => JSON.stringify(names.map((name) => cellOf(row, name))))).size
  const pairs = [...rows, ...columns]
  return count(pairs) === count(rows) * count(columns) ? options : { ...options, columns: pairs, rows: [] }
}

/** Pairs, one after the other, in place of a grid with more columns than stand side by side. */
export function withinColumns(options: FigureOptions, drawn: readonly Row[], most: number): FigureOptions {
  const { columns, rows } = options
  const isWide = columns.length > 0 && rows.length > 0 && distinct(drawn, columns[0]!) > most
  return isWide ? { ...options, columns: [...rows, ...columns], rows: [] } : options
}

/** True when `name` has one value for each value of `given` (as bits follow blocks), so that it cannot tell lines apart. */
function follows(rows: readonly Row[], given: readonly string[], name: string): boolean {
  if (name === 'label') return false
  const seen = new Map<string, unknown>()
  return rows.every((row) => {
    const at = JSON.stringify(given.map((column) => cellOf(row, column)))
    if (!seen.has(at)) seen.set(at, cellOf(row, name))
    return seen.get(at) === cellOf(row, name)
  })
}
