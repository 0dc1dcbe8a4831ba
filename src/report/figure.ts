// One view of a results folder → SVG text and PNG bytes.

import type { TopLevelSpec } from 'vega-lite'
import { UserError } from '../errors/index.js'
import { columnsOfView, type Row, type Term, type View } from '../record/index.js'
import { boxSpec } from './box.js'
import { draw } from './draw.js'
import { extremes } from './extremes.js'
import { cellOf, checkColumns, groupRows, metricsOf, rowsWhere, varies } from './groups.js'
import { heatSpec } from './heat.js'
import { itemsNote, lossUnit } from './items.js'
import { lineSpec } from './line.js'
import { type FigureOptions, figureOptions, withinColumns, withoutGaps } from './options.js'
import { type Headings, panelGrid, panelsIn } from './panels.js'
import { scatterSpec } from './scatter.js'
import { selectRows } from './select.js'
import type { FigureSource } from './source.js'
import { chosenNote } from './table-notes.js'
import { metricWords, wordsOf } from './words.js'

/** A figure as SVG text and PNG bytes. */
export interface Figure {
  /** File name without its ending. */
  name: string
  /** SVG text. */
  svg: string
  /** PNG bytes, two pixels per unit of the SVG. */
  png: Uint8Array
}

const KINDS = { line: lineSpec, box: boxSpec, heat: heatSpec, scatter: scatterSpec }

/**
 * @internal
 * vega-lite spec of a view. Failed runs are left out; the subtitle counts them.
 * @param room pixels that the figure may be wide: panels stand below each other where they are wider
 * @throws UserError for an unknown column, and when nothing can be drawn
 */
export function specOf(
  { rows: all, terms, order, title, axes }: FigureSource,
  view: Partial<View>,
  room = Infinity,
): TopLevelSpec {
  const named = columnsOfView(view).map(({ name }) => name)
  checkColumns(named, all)
  const select = [view.select ?? []].flat()
  const rows = selectRows(rowsWhere(all, view.where), select)
  if (all.length === 0) throw new UserError('nothing to draw: there are no rows yet')
  if (rows.length === 0) throw new UserError(`nothing to draw: no run has ${JSON.stringify(view.where ?? {})}`)
  const wanted = figureOptions(rows, view, axes)
  const drawn = drawnRows(rows, terms, wanted)
  const options = withinColumns(withoutGaps(wanted, drawn), drawn, panelsIn(room))
  const grid = panelGrid(drawn, options, order, room)
  const mixed = options.y.find((name) => wordsOf(name, metricsOf(rows)).kind === 'mixed')
  if (mixed !== undefined)
    throw new UserError(
      `${mixed} is in several units (${metricsOf(rows).join(', ')}): draw each in a figure of its own, with where: { metric: ${metricsOf(rows)[0]} } in the report of the experiment or from code`,
    )
  const headings = { ...headingsOf(rows, options, select), title: view.title ?? title }
  return KINDS[options.kind]({ rows, terms, options, grid, order, headings })
}

/** The specification of a view for a page that draws it itself, no wider than `room` pixels if that may be. */
export const pageSpec = (source: FigureSource, view: Partial<View>, room: number): object => specOf(source, view, room)

/** Rows with something to draw, so that no panel stays empty. */
function drawnRows(rows: readonly Row[], terms: readonly Term[], options: FigureOptions): Row[] {
  const withTerms = new Set(terms.map((term) => term.run))
  return rows.filter(
    (row) =>
      row.status === 'ok' &&
      (options.kind !== 'scatter' || cellOf(row, options.x) !== null) &&
      options.y.some((name) => (name === 'term' ? withTerms.has(row.id) : cellOf(row, name) !== null)),
  )
}

/** Draws a view. Throws a UserError for unknown columns and when nothing can be drawn. */
export async function drawFigure(source: FigureSource, view: Partial<View> = {}): Promise<Figure> {
  return { name: view.name ?? 'figure', ...(await draw(specOf(source, view))) }
}

function headingsOf(rows: readonly Row[], options: FigureOptions, select: readonly string[]): Headings {
  const done = rows.filter((row) => row.status === 'ok')
  const metrics = metricsOf(rows)
  const what =
    options.kind === 'box' && options.y[0] === 'term'
      ? 'one value per tensor and seed'
      : options.kind === 'line'
        ? meansOf(rows, options, select)
        : 'means over seeds'
  const failed = rows.length - done.length
  const parts = [
    what,
    select.length ? chosenNote(select) : '',
    itemsNote(done, [options.x, ...options.y]),
    failed ? `${failed} failed ${failed === 1 ? 'run' : 'runs'} left out` : '',
  ]
  return {
    title: '',
    subtitle: [parts.filter(Boolean).join(' · ')],
    metrics,
    metric: metrics.length === 1 ? metricWords(metrics[0]!) : metrics.length ? 'score' : null,
    lossUnit: lossUnit(done),
  }
}

function meansOf(rows: readonly Row[], options: FigureOptions, select: readonly string[]): string {
  const { groups, mixed } = groupRows(rows, [
    ...new Set([...options.series, ...options.columns, ...options.rows, options.x]),
  ])
  const runs = groups.filter((group) => varies(group.rows, 'seed')).map((group) => group.rows.length)
  const other = mixed.filter((name) => name !== 'experiment' && !select.includes(name))
  if (other.length) return `means over different ${other.join(', ')}`
  if (runs.length === 0) return 'single runs'
  const [least, most] = extremes(runs)
  return `mean ± standard error over ${least === most ? most : `${least} to ${most}`} seeds`
}
