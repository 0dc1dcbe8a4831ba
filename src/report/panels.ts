// Panels of a figure: which rows belong to which panel, and panels, title and legend around the layers of one panel.
import type { TopLevelSpec } from 'vega-lite'
import { type Row } from '../record/index.js'
import { cellOf, groupRows, type Order, type Value } from './groups.js'
import type { FigureOptions } from './options.js'
import { legendSpec, type Style, THEME } from './theme.js'
import { formatNumber, wordsOf } from './words.js'

export interface Place {
  /** Title above, and beside the panel; empty where there is only one. */
  column: string
  row: string
}

export interface Headings {
  title: string
  subtitle: string[]
  metric: string | null
  lossUnit: string
}

/** `dare`, `k = −0.5`, `dare, k = −0.5`: values as a legend or a panel names them. */
export function nameOf(keys: Record<string, Value>, columns: readonly string[]): string {
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

const title = (keys: Record<string, Value>, columns: readonly string[]) =>
  columns.length === 0 ? '' : nameOf(keys, columns)

export function placeOf(row: Row, options: FigureOptions): Place {
  const keys = Object.fromEntries([...options.columns, ...options.rows].map((name) => [name, cellOf(row, name)]))
  return { column: title(keys, options.columns), row: title(keys, options.rows) }
}

export interface Grid {
  columns: string[]
  rows: string[]
  /** Panels side by side; fewer than `columns` where they are wrapped. */
  across: number
  width: number
  height: number
}

const SIZES = [
  { width: 440, height: 300 },
  { width: 300, height: 220 },
  { width: 240, height: 190 },
  { width: 200, height: 165 },
]
const GAP = 18

/** Titles of the panels in the order of the config, and their size in pixels. */
export function gridOf(rows: readonly Row[], options: FigureOptions, order: Order): Grid {
  const titles = (by: string[]) => [...new Set(groupRows(rows, by, order).groups.map((group) => title(group.keys, by)))]
  const [columns, down] = [titles(options.columns), titles(options.rows)]
  const across = down.length > 1 || columns.length <= 3 ? columns.length : columns.length === 4 ? 2 : 3
  return { columns, rows: down, across, ...SIZES[Math.min(across, SIZES.length) - 1]! }
}

/**
 * The whole figure: `layer` is repeated for each panel over its share of `values`, which carry a Place.
 * @param ownX panels have x axes of their own: each has only some of the x values
 */
export function frame(
  layer: object[],
  styles: readonly Style[],
  grid: Grid,
  values: object[],
  headings: Headings,
  ownX = false,
): TopLevelSpec {
  const { width, height, across, columns, rows } = grid
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
