// Box plots: the per-tensor terms of the Riemann sum per editor and rate (arXiv 2410.13841 Fig. 3), or any measure over runs.
// Boxes are quartiles, whiskers reach the farthest value within 1.5 interquartile ranges, the rest are points (Tukey).
import type { TopLevelSpec } from 'vega-lite'
import { textWidth } from './font.js'
import { type CellValue, cellOf, compareValues, groupRows } from './groups.js'
import { type FigureInput, frame, nameOf, type PanelTitles, panelOf } from './panels.js'
import { nothing } from './series.js'
import { styleOf } from './theme.js'
import { formatNumber, wordsOf } from './words.js'
import { yEncoding } from './y-axis.js'

/** One number of a box. */
interface BoxValue extends PanelTitles {
  series: string
  /** Name of the place on the x axis. */
  x: string
  /** Value of the x column; null for a series without one. */
  at: CellValue
  y: number
}

/** Where the boxes stand on the x axis. */
interface BoxPlaces {
  /** Names of the series, in the order of their colours. */
  names: string[]
  /** Places of the values of the x column. */
  rated: string[]
  /** Series without an x: a place each, at the right. */
  alone: string[]
  /** Series that share the other places, side by side. */
  beside: string[]
  /** Width of a place in pixels. */
  width: number
}

/** vega-lite spec of a box plot. The terms of all seeds of a series stand in one box. Series without an x stand at the right. */
export function boxSpec(input: FigureInput): TopLevelSpec {
  const { options, headings } = input
  const { kind } = wordsOf(options.y[0]!, headings.metrics)
  const { values, names } = boxValues(input)
  const places = boxPlaces(values, names, input)
  const ys = values.map((value) => value.y)
  const y = yEncoding(ys, options.logY ?? (kind === 'loss' && tailed(ys)), input)
  const styles = names.map((name, i) => ({ ...styleOf(name, i), box: true }))
  const color = {
    field: 'series',
    type: 'nominal',
    legend: null,
    scale: { domain: names, range: styles.map((style) => style.colour) },
  }
  const layer = [
    ...(kind === 'share' ? [] : [ZERO_LINE]),
    ...boxLayers({ x: boxAxis(places, options.x), y, color }, places),
  ]
  // The one series of a figure needs no name.
  return frame({ layer, styles: names.length > 1 ? styles : [], values }, input)
}

const ZERO_LINE = {
  mark: { type: 'rule', color: '#222222', strokeWidth: 0.8, strokeDash: [8, 4] },
  encoding: { y: { datum: 0, type: 'quantitative' } },
}

function boxValues({ rows, terms, options, order, headings }: FigureInput): { values: BoxValue[]; names: string[] } {
  const measure = options.y[0]!
  const unit = wordsOf(measure, headings.metrics).kind === 'share' ? 100 : 1
  const { groups, failed } = groupRows(rows, options.series, order)
  const termsOfRun = new Map<string, number[]>()
  for (const { run, term } of terms) {
    const known = termsOfRun.get(run)
    if (known) known.push(term)
    else termsOfRun.set(run, [term])
  }
  const named = groups.map((group) => ({ name: nameOf(group.keys, options.series), rows: group.rows }))
  const values = named.flatMap((group) =>
    group.rows.flatMap((row) => {
      const at = cellOf(row, options.x)
      const numbers = measure === 'term' ? (termsOfRun.get(row.id) ?? []) : [cellOf(row, measure)]
      const entry = { ...panelOf(row, options), series: group.name, x: at === null ? group.name : shown(at), at }
      return numbers
        .filter((value): value is number => typeof value === 'number')
        .map((value) => ({ ...entry, y: value * unit }))
    }),
  )
  if (values.length === 0) throw nothing(measure === 'term' ? 'terms in terms.csv' : measure, failed.length)
  return { values, names: named.map(({ name }) => name) }
}

const shown = (value: CellValue) => (typeof value === 'number' ? formatNumber('key', value) : String(value))

function boxPlaces(values: readonly BoxValue[], names: string[], { order, grid }: FigureInput): BoxPlaces {
  const withX = values.filter(({ at }) => at !== null)
  const rated = [...new Set([...withX].sort((a, b) => compareValues(a.at, b.at, order)).map(({ x }) => x))]
  const alone = names.filter((name) => values.some(({ at, x }) => at === null && x === name))
  const beside = names.filter((name) => withX.some(({ series }) => series === name))
  return { names, rated, alone, beside, width: grid.width / (rated.length + alone.length) }
}

function boxAxis({ rated, alone, width }: BoxPlaces, column: string) {
  // Names that do not fit below their boxes are left to the legend.
  const fitting = alone.every((name) => textWidth(name, 10) < width - 4)
  return {
    field: 'x',
    type: 'nominal',
    sort: null,
    title: wordsOf(column).axis,
    scale: { domain: [...rated, ...alone], paddingInner: 0.12, paddingOuter: 0.06 },
    axis: {
      labelAngle: 0,
      grid: false,
      tickSize: 0,
      labelOverlap: 'greedy',
      labelSeparation: 3,
      ...(!fitting && { labelExpr: `indexof(${JSON.stringify(alone)}, datum.value) < 0 ? datum.label : '–'` }),
    },
  }
}

function boxLayers(encoding: object, { alone, beside, width }: BoxPlaces): object[] {
  const mark = {
    type: 'boxplot',
    extent: 1.5,
    size: Math.max(2, Math.min(22, (0.62 * width) / Math.max(1, beside.length))),
    outliers: { size: 9, strokeWidth: 0.9, filled: false, opacity: 0.75 },
    box: { fillOpacity: 0.45, strokeWidth: 1 },
    median: { color: '#111111', thickness: 1.6 },
    rule: { strokeWidth: 1 },
  }
  const xOffset = { field: 'series', type: 'nominal', sort: null, scale: { domain: beside } }
  const boxes = (test: string, more: object) => ({
    transform: [{ filter: test }],
    mark,
    encoding: { ...encoding, ...more },
  })
  return [
    ...(beside.length ? [boxes('datum.at !== null', beside.length > 1 ? { xOffset } : {})] : []),
    ...(alone.length ? [boxes('datum.at === null', {})] : []),
  ]
}

/** True when the far tails of the values leave the boxes no room on a linear scale. */
function tailed(values: readonly number[]): boolean {
  const sizes = values.map(Math.abs).sort((a, b) => a - b)
  return sizes.length > 8 && sizes.at(-1)! > 50 * sizes[Math.floor(sizes.length / 2)]!
}
