// Panels of a figure: which rows belong to which panel, and panels, title and legend around the layers of one panel.
import type { TopLevelSpec } from 'vega-lite'
import type { Row, Term } from '../record/index.js'
import { type CellValue, cellOf, groupRows, type Order } from './groups.js'
import type { FigureOptions } from './options.js'
import type { SeriesStyle } from './style.js'
import { legendSpec, THEME } from './theme.js'
import { formatNumber, wordsOf } from './words.js'

/** Which panel something is drawn in. */
export interface PanelTitles {
  /** Title above the panel; empty where there is only one column of panels. */
  column: string
  /** Title beside the panel; empty where there is only one row of panels. */
  row: string
}

/** The words of a figure. */
export interface Headings {
  title: string
  subtitle: string[]
  /** Metric of the scores; null where no row has one. */
  metric: string | null
  /** All metrics of the rows that are drawn. */
  metrics: (string | null)[]
  /** What losses are measured in, such as `nats per token`. */
  lossUnit: string
}

/** What every kind of figure is made from. All columns that its options name are known. */
export interface FigureInput {
  rows: readonly Row[]
  terms: readonly Term[]
  options: FigureOptions
  grid: PanelGrid
  order: Order
  headings: Headings
}

/** The part of a figure that its kind makes. */
export interface Drawing {
  /** vega-lite layers, repeated in each panel. */
  layer: object[]
  /** Entries of the legend. */
  styles: readonly SeriesStyle[]
  /** Data; each value says which panel it belongs to. */
  values: readonly PanelTitles[]
  /** True when panels need x axes of their own, because each has only some of the x values. */
  ownX?: boolean
}

/** `dare`, `k = −0.5`, `dare, k = −0.5`: values as a legend or a panel names them. */
export function nameOf(keys: Record<string, CellValue>, columns: readonly string[]): string {
  const parts = columns.flatMap((column) => {
    const value = keys[column]
    if (value === null || value === undefined) return []
    return [
      typeof value === 'number'
        ? `${wordsOf(column).heading} = ${formatNumber('key', value)}`
        : typeof value === 'boolean'
          ? `${wordsOf(column).heading}: ${value}`
          : value,
    ]
  })
  // A pair called small-math needs no second word for its task.
  return (
    parts.filter((part, i) => !parts.some((other, j) => j < i && other.split(/[-_ .]/).includes(part))).join(', ') ||
    'all'
  )
}

const title = (keys: Record<string, CellValue>, columns: readonly string[]) =>
  columns.length === 0 ? '' : nameOf(keys, columns)

/** The panel of a row. */
export function panelOf(row: Row, options: FigureOptions): PanelTitles {
  const keys = Object.fromEntries([...options.columns, ...options.rows].map((name) => [name, cellOf(row, name)]))
  return { column: title(keys, options.columns), row: title(keys, options.rows) }
}

/** Panels of a figure. */
export interface PanelGrid {
  /** Titles above the panels. */
  columns: string[]
  /** Titles beside the panels. */
  rows: string[]
  /** Panels side by side; fewer than `columns` where they are wrapped. */
  across: number
  /** Width of a panel in pixels. */
  width: number
  /** Height of a panel in pixels. */
  height: number
}

const SIZES = [
  { width: 440, height: 300 },
  { width: 300, height: 220 },
  { width: 240, height: 190 },
  { width: 200, height: 165 },
]
const GAP = 18

/** Width of the labels of the y axis and of the space around a figure. */
const BESIDE = 90

/** How many of the smallest panels stand side by side in so many pixels. */
export const panelsIn = (room: number): number =>
  Math.max(1, Math.floor((room - BESIDE + GAP) / (SIZES.at(-1)!.width + GAP)))

/** Titles of the panels in the order of the config, and their size in pixels, in a figure that is no wider than `room` if that may be. */
export function panelGrid(rows: readonly Row[], options: FigureOptions, order: Order, room = Infinity): PanelGrid {
  const titles = (by: string[]) => [...new Set(groupRows(rows, by, order).groups.map((group) => title(group.keys, by)))]
  const [columns, down] = [titles(options.columns), titles(options.rows)]
  const free = down.length > 1 || columns.length <= 3 ? columns.length : columns.length === 4 ? 2 : 3
  const across = Math.min(free, panelsIn(room))
  const { width, height } = SIZES[Math.max(1, Math.min(across, SIZES.length)) - 1]!
  return { columns, rows: down, across, width: across === 1 ? Math.min(width, room - BESIDE) : width, height }
}

/** The whole figure: the layers repeated in each panel over its share of the data, with titles and a legend. */
export function frame(
  { layer, styles, values, ownX = false }: Drawing,
  { grid, headings, options }: FigureInput,
): TopLevelSpec {
  const { width, height, across, columns, rows } = grid
  const headingOf = (name: string) => wordsOf(name, headings.metrics).heading
  const [wide, tall] = [columns.length > 1, rows.length > 1]
  const column = { field: 'column', type: 'nominal', sort: columns, header: { title: null } }
  const row = { field: 'row', type: 'nominal', sort: rows, header: { title: null, labelAngle: -90 } }
  const wrapped = across < columns.length
  const spec = { width, height, layer }
  const panels =
    !wide && !tall
      ? spec
      : wrapped && columns.length % across
        ? inLines(column, across, spec)
        : {
            facet: wrapped ? column : { ...(wide && { column }), ...(tall && { row }) },
            ...(wrapped && { columns: across }),
            bounds: 'flush',
            spacing: wrapped ? { row: ownX ? 68 : 34, column: GAP } : GAP,
            spec,
            ...(ownX && { resolve: { scale: { x: 'independent' } } }),
          }
  return {
    title: { text: headings.title, subtitle: headings.subtitle },
    data: { values },
    config: THEME,
    // For a page, which has a legend and notes of its own.
    usermeta: { series: styles, x: headingOf(options.x), y: options.y.map(headingOf) },
    spacing: 14,
    vconcat: [panels, ...(styles.length ? [legendSpec(styles, across * width + (across - 1) * GAP)] : [])],
  } as unknown as TopLevelSpec
}

/** Wrapped panels whose last line is not full: a facet per line, each with its own x axis, or the empty places would have one. */
function inLines(column: { field: string; sort: string[] }, across: number, spec: object): object {
  const starts = Array.from({ length: Math.ceil(column.sort.length / across) }, (_, i) => i * across)
  const line = (start: number) => {
    const titles = column.sort.slice(start, start + across)
    return {
      transform: [{ filter: { field: 'column', oneOf: titles } }],
      facet: { column: { ...column, sort: titles } },
      bounds: 'flush',
      spacing: GAP,
      spec,
    }
  }
  return { vconcat: starts.map(line), resolve: { scale: { x: 'shared', y: 'shared' } } }
}
