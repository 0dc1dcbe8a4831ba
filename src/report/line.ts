// The figure of most experiments: a measure against a rate, one line per series, panels per task and model, error bars over
// seeds, base and post-trained model as dashed lines (arXiv 2410.13841 Figs. 1, 4–8).
import type { TopLevelSpec } from 'vega-lite'
import { brokenTitle, LABEL, spansDecades, symlogOf, ticksOf } from './axis.js'
import type { FigureOptions } from './options.js'
import { frame, type Grid, type Headings } from './panels.js'
import type { Series } from './series.js'
import { metricWords, wordsOf } from './words.js'

/** vega-lite spec of a line figure. Shares are drawn in percent. */
export function lineSpec(series: Series, options: FigureOptions, grid: Grid, headings: Headings): TopLevelSpec {
  const { kind } = wordsOf(options.y[0]!)
  const unit = kind === 'share' ? 100 : 1
  const numeric = series.points.every((point) => typeof point.x === 'number')
  const logX = numeric && options.logX && series.points.every((point) => (point.x as number) > 0)
  const xs = series.points.map((point) => point.x as number)
  const ends = xs.length === 0 ? [0, 1] : [Math.min(...xs), Math.max(...xs)]
  const values = [
    ...series.points.map((point) => ({
      ...point,
      part: 'point',
      y: point.y * unit,
      low: point.low * unit,
      high: point.high * unit,
    })),
    ...series.levels.flatMap((level) =>
      (numeric ? ends : [0]).map((x) => ({ ...level, part: 'level', x, y: level.y * unit })),
    ),
  ]
  const ys = values.flatMap((value) => ('low' in value ? [value.low, value.high] : [value.y]))
  const symlog = options.logY ?? (kind === 'loss' && spansDecades(series.points.map((point) => point.y)))

  const x = {
    field: 'x',
    type: numeric ? 'quantitative' : 'ordinal',
    title: wordsOf(options.x).axis,
    axis: numeric
      ? { values: ticksOf(xs, grid.width - 16, logX), labelExpr: LABEL, grid: false, labelOverlap: false }
      : { labelAngle: 0, grid: false },
    scale: numeric
      ? {
          type: logX ? 'log' : 'linear',
          domain: ends[0] === ends[1] ? [ends[0]! - 1, ends[1]! + 1] : ends,
          nice: false,
          zero: false,
          padding: 8,
        }
      : { type: 'point', padding: 0.5 },
  }
  const y = {
    field: 'y',
    type: 'quantitative',
    title: brokenTitle(yTitle(options, headings, symlog), grid.height),
    ...yScale(ys, kind, symlog, grid.height),
  }
  const domain = series.styles.map((style) => style.name)
  const scaleOf = (range: unknown[]) => ({
    field: 'series',
    type: 'nominal',
    legend: null,
    sort: null,
    scale: { domain, range },
  })
  const color = scaleOf(series.styles.map((style) => style.colour))
  const strokeDash = scaleOf(series.styles.map((style) => style.dash))
  const shape = scaleOf(series.styles.map((style) => style.shape))
  const fill = scaleOf(series.styles.map((style) => (style.open ? '#ffffff' : style.colour)))
  const only = (part: string) => [{ filter: `datum.part === '${part}'` }]
  const bars = { transform: [{ filter: 'datum.part === "point" && datum.n > 1' }] }

  const layer = [
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
  return frame(layer, series.styles, grid, values, headings)
}

/** Words and unit of the y axis; the metric's own name where a score is drawn. */
export function yTitle(options: FigureOptions, { metric, lossUnit }: Headings, symlog: boolean): string {
  const words =
    options.y.length > 1 && wordsOf(options.y[0]!).kind === 'loss'
      ? 'loss change (nats per token)'
      : options.y[0] === 'score_edited'
        ? `${metricWords(metric)} (%)`
        : wordsOf(options.y[0]!).axis
  const title = words.replace('nats per token', lossUnit)
  return symlog ? title.replace(/\)$/, '; symmetric log)') : title
}

/** Scores keep to tens and to 0…100; spans of decades get the symmetric log scale; the rest is vega's choice. */
export function yScale(ys: readonly number[], kind: string, symlog: boolean, height: number): object {
  if (symlog) {
    const { constant, domain, ticks } = symlogOf(ys, height)
    return {
      scale: { type: 'symlog', constant, domain, nice: false },
      axis: { values: ticks, labelExpr: LABEL, labelOverlap: false },
    }
  }
  if (kind !== 'share')
    return { scale: { zero: false, nice: true, padding: 6 }, axis: { labelExpr: LABEL, tickCount: 6 } }
  const [low, high] = [Math.min(...ys), Math.max(...ys)]
  const step = high - low > 30 ? 10 : high - low > 10 ? 5 : 1
  // Error bars may leave 0…100 %, the axis of a score may not; a gap may be negative.
  const bound = (value: number) => (low >= -5 && high <= 105 ? Math.max(0, Math.min(100, value)) : value)
  const domain = [bound(Math.floor(low / step) * step), bound(Math.ceil(high / step) * step)]
  return {
    scale: {
      domain: domain[0] === domain[1] ? [domain[0]! - 1, domain[1]! + 1] : domain,
      nice: false,
      zero: false,
      padding: 6,
    },
    axis: { labelExpr: LABEL, tickCount: 6 },
  }
}
