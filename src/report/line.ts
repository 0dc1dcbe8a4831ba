// The figure of most experiments: a measure against a rate, one line per series, panels per task and model, error bars over
// seeds, base and post-trained model as dashed lines (arXiv 2410.13841 Figs. 1, 4–8).

import type { TopLevelSpec } from 'vega-lite'
import { LABEL, spansDecades, symlogTitle, symlogX, ticksOf } from './axis.js'
import { extremes } from './extremes.js'
import { type FigureInput, frame } from './panels.js'
import { type Series, seriesOf } from './series.js'
import type { SeriesStyle } from './style.js'
import { wordsOf } from './words.js'
import { axisTitle, yEncoding } from './y-axis.js'

/** vega-lite spec of a line figure. Shares are drawn in percent. */
export function lineSpec(input: FigureInput): TopLevelSpec {
  const { options, headings } = input
  const series = seriesOf(input)
  const { kind } = wordsOf(options.y[0]!, headings.metrics)
  const unitOf = (name: string) => (wordsOf(name, headings.metrics).kind === 'share' ? 100 : 1)
  const numeric = series.points.every((point) => typeof point.x === 'number')
  const unitX = numeric ? unitOf(options.x) : 1
  const xs = numeric ? series.points.map(({ x }) => unitX * (x as number)) : []
  const log = options.logX && xs.every((x) => x > 0)
  const ends = numeric ? endsOf(xs, log) : null
  const points = series.points.map((point, i) => ({ ...point, x: xs[i] ?? point.x }))
  const values = lineValues({ ...series, points }, unitOf(options.y[0]!), ends)
  const ys = values.flatMap((value) => ('low' in value ? [value.low, value.high] : [value.y]))
  const symlog = options.logY ?? (kind === 'loss' && spansDecades(points.map((point) => point.y)))
  const x = ends ? numericX({ xs, ends, log }, input) : categoricX(input)
  const layer = lineLayers(x, yEncoding(ys, symlog, input), numeric, series.styles)
  return frame({ layer, styles: series.styles, values }, input)
}

/** Both ends of the x axis; a single value stands in its middle. */
function endsOf(xs: readonly number[], log: boolean): [number, number] {
  const [low, high] = xs.length === 0 ? [0, 1] : extremes(xs)
  if (low < high) return [low, high]
  return log ? [low / 2, low * 2] : [low - 1, low + 1]
}

/** A numeric x axis. */
interface NumericX {
  xs: readonly number[]
  ends: [number, number]
  /** Asked for, and all values are above 0. */
  log: boolean
}

/** Data of the figure: the points, and both ends of each level line. @param ends of a numeric x axis */
function lineValues({ points, levels }: Series, unit: number, ends: [number, number] | null) {
  return [
    ...points.map((point) => ({
      ...point,
      part: 'point',
      y: point.y * unit,
      low: point.low * unit,
      high: point.high * unit,
    })),
    ...levels.flatMap((level) => (ends ?? [0]).map((x) => ({ ...level, part: 'level', x, y: level.y * unit }))),
  ]
}

/** The logarithmic axis of values that are not all above 0 is a symmetric one. */
function numericX({ xs, ends, log }: NumericX, { options, grid, headings }: FigureInput) {
  const title = axisTitle(options.x, headings)
  const field = { field: 'x', type: 'quantitative' }
  if (options.logX && !log) return { ...field, title: symlogTitle(title), ...symlogX(xs, grid.width) }
  return {
    ...field,
    title,
    axis: { values: ticksOf(xs, grid.width - 16, log), labelExpr: LABEL, grid: false, labelOverlap: false },
    scale: { type: log ? 'log' : 'linear', domain: ends, nice: false, padding: 8, ...(!log && { zero: false }) },
  }
}

const categoricX = ({ options }: FigureInput) => ({
  field: 'x',
  type: 'ordinal',
  title: wordsOf(options.x).axis,
  axis: { labelAngle: 0, grid: false },
  scale: { type: 'point', padding: 0.5 },
})

/** From back to front: level lines, lines, error bars with their caps, points. */
function lineLayers(x: object, y: object, numeric: boolean, styles: readonly SeriesStyle[]): object[] {
  const domain = styles.map((style) => style.name)
  const bySeries = (rangeOf: (style: SeriesStyle) => unknown) => ({
    field: 'series',
    type: 'nominal',
    legend: null,
    sort: null,
    scale: { domain, range: styles.map(rangeOf) },
  })
  const color = bySeries((style) => style.colour)
  const strokeDash = bySeries((style) => style.dash)
  const shape = bySeries((style) => style.shape)
  const fill = bySeries((style) => (style.open ? '#ffffff' : style.colour))
  const only = (part: string) => [{ filter: `datum.part === '${part}'` }]
  const bars = { transform: [{ filter: 'datum.part === "point" && datum.n > 1' }] }
  return [
    {
      transform: only('level'),
      mark: { type: numeric ? 'line' : 'rule', strokeWidth: 1.3 },
      encoding: { ...(numeric ? { x } : {}), y, color, strokeDash },
    },
    ...(numeric
      ? [{ transform: only('point'), mark: { type: 'line', strokeWidth: 1.8 }, encoding: { x, y, color, strokeDash } }]
      : []),
    {
      ...bars,
      mark: { type: 'rule', strokeWidth: 1.2 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
    },
    ...['low', 'high'].map((field) => ({
      ...bars,
      mark: { type: 'tick', orient: 'horizontal', size: 6, thickness: 1.2 },
      encoding: { x, y: { ...y, field }, color },
    })),
    {
      transform: only('point'),
      mark: { type: 'point', filled: true, size: 42, opacity: 1, strokeWidth: 1.4 },
      encoding: { x, y, fill, stroke: color, shape },
    },
  ]
}
