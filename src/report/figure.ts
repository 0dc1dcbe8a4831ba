// One view of a results folder → SVG text and PNG bytes.
import type { TopLevelSpec } from 'vega-lite'
import { UserError } from '../errors/index.js'
import { type Row, type Term, type View } from '../record/index.js'
import { boxSpec } from './box.js'
import { cellOf, distinct, groupRows, type Order, rowsWhere } from './groups.js'
import { heatSpec } from './heat.js'
import { itemsOf, lossUnit } from './items.js'
import { lineSpec } from './line.js'
import { type FigureOptions, figureOptions } from './options.js'
import { gridOf, type Headings } from './panels.js'
import { renderPng, renderSvg } from './render.js'
import { selectRows } from './select.js'
import { seriesOf } from './series.js'
import { chosenNote } from './table.js'
import { metricWords } from './words.js'

/** A figure as SVG text and PNG bytes. */
export interface Figure {
  /** File name without its ending. */
  name: string
  svg: string
  png: Uint8Array
}

/** What the figures of a folder share. */
export interface Source {
  rows: readonly Row[]
  terms: readonly Term[]
  order: Order
  title: string
}

/** Spec of a view. Failed runs are left out; the subtitle counts them. */
export function specOf({ rows: all, terms, order, title }: Source, view: Partial<View>): TopLevelSpec {
  const select = [view.select ?? []].flat()
  const rows = selectRows(rowsWhere(all, view.where), select)
  if (rows.length === 0) throw new UserError(`nothing to draw: no run has ${JSON.stringify(view.where ?? {})}`)
  const options = figureOptions(rows, view)
  const grid = gridOf(drawnRows(rows, terms, options), options, order)
  const headings = { ...headingsOf(rows, options, select), title: view.title ?? title }
  if (options.kind === 'box') return boxSpec(rows, terms, options, grid, order, headings)
  if (options.kind === 'heat') return heatSpec(rows, options, grid, order, headings)
  return lineSpec(seriesOf(rows, options, order), options, grid, headings)
}

/** Rows with something to draw, so that no panel stays empty. */
function drawnRows(rows: readonly Row[], terms: readonly Term[], options: FigureOptions): Row[] {
  const withTerms = new Set(terms.map((term) => term.run))
  return rows.filter(
    (row) =>
      row.status === 'ok' &&
      options.y.some((name) => (name === 'term' ? withTerms.has(row.id) : cellOf(row, name) !== null)),
  )
}

/** Draws a view. Throws a UserError for unknown columns and when nothing can be drawn. */
export async function drawFigure(source: Source, view: Partial<View> = {}): Promise<Figure> {
  const svg = await renderSvg(specOf(source, view))
  return { name: view.name ?? 'figure', svg, png: renderPng(svg) }
}

function headingsOf(rows: readonly Row[], options: FigureOptions, select: readonly string[]): Headings {
  const done = rows.filter((row) => row.status === 'ok')
  const metrics = [...new Set(done.map((row) => row.metric))]
  const what =
    options.kind === 'box' && options.y[0] === 'term'
      ? 'one value per tensor and seed'
      : options.kind === 'line'
        ? meansOf(rows, options, select)
        : 'means over seeds'
  const scored = options.y.some((name) => name.startsWith('score') || name === 'gap')
  const failed = rows.length - done.length
  const parts = [
    what,
    select.length ? chosenNote(select) : '',
    itemsOf(done, scored),
    failed ? `${failed} failed ${failed === 1 ? 'run' : 'runs'} left out` : '',
  ]
  return {
    title: '',
    subtitle: [parts.filter(Boolean).join(' · ')],
    metric: metrics.length === 1 ? metricWords(metrics[0]!) : metrics.length ? 'score' : null,
    lossUnit: lossUnit(done),
  }
}

function meansOf(rows: readonly Row[], options: FigureOptions, select: readonly string[]): string {
  const { groups, mixed } = groupRows(rows, [
    ...new Set([...options.series, ...options.columns, ...options.rows, options.x]),
  ])
  const runs = groups.filter((group) => distinct(group.rows, 'seed') > 1).map((group) => group.rows.length)
  const other = mixed.filter((name) => name !== 'experiment' && !select.includes(name))
  if (other.length) return `means over different ${other.join(', ')}`
  if (runs.length === 0) return 'single runs'
  const [least, most] = [Math.min(...runs), Math.max(...runs)]
  return `mean ± standard error over ${least === most ? most : `${least} to ${most}`} seeds`
}
