// A measure against another: one point per edit, means over seeds, such as the score against the divergence from the post-trained
// model, or the divergence against the bits.
import type { TopLevelSpec } from 'vega-lite'
import { UserError } from '../errors/index.js'
import { brokenTitle, LABEL, spansDecades, symlogTitle, symlogX } from './axis.js'
import { groupRows, identityColumns, idsOf, meanOf } from './groups.js'
import { type FigureInput, frame, nameOf, type PanelTitles, panelOf } from './panels.js'
import { nothing } from './series.js'
import { styleOf } from './theme.js'
import { wordsOf } from './words.js'
import { axisTitle, yEncoding } from './y-axis.js'

interface Point extends PanelTitles {
  series: string
  x: number
  y: number
  /** y less and plus its standard error over seeds. */
  low: number
  high: number
  /** Ids of the runs of the edit. */
  runs: string[]
}

/** vega-lite spec of a scatter figure. Shares are drawn in percent. */
export function scatterSpec(input: FigureInput): TopLevelSpec {
  const { options, grid } = input
  const values = pointsOf(input)
  const styles = [...new Set(values.map(({ series }) => series))].map((name, i) => ({
    ...styleOf(name, i),
    marks: true,
  }))
  const pick = (rangeOf: (style: (typeof styles)[number]) => string) => ({
    field: 'series',
    type: 'nominal',
    legend: null,
    sort: null,
    scale: { domain: styles.map(({ name }) => name), range: styles.map(rangeOf) },
  })
  const [color, shape] = [pick((style) => style.colour), pick((style) => style.shape)]
  const symlog =
    options.logY ??
    (wordsOf(options.y[0]!, input.headings.metrics).kind === 'loss' && spansDecades(values.map(({ y }) => y)))
  const y = yEncoding(
    values.flatMap(({ low, high }) => [low, high]),
    symlog,
    input,
  )
  const title = axisTitle(options.x, input.headings)
  const x = {
    field: 'x',
    type: 'quantitative',
    title: brokenTitle(options.logX ? symlogTitle(title) : title, grid.width),
    ...(options.logX
      ? symlogX(
          values.map(({ x }) => x),
          grid.width,
        )
      : LINEAR_X),
  }
  const layer = [
    {
      mark: { type: 'rule', strokeWidth: 0.9 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
    },
    {
      mark: { type: 'point', filled: true, size: 34, opacity: 0.85, strokeWidth: 0.5 },
      encoding: { x, y, fill: color, stroke: color, shape },
    },
  ]
  return frame({ layer, styles, values }, input)
}

const LINEAR_X = { scale: { zero: false, nice: false, padding: 8 }, axis: { labelExpr: LABEL, tickCount: 6 } }

/** @throws UserError when no finished run has both measures, or when there are several on y */
function pointsOf({ rows, options, order, headings }: FigureInput): Point[] {
  const { x, series } = options
  const [y, ...more] = options.y as [string, ...string[]]
  if (more.length) throw new UserError(`a scatter has one measure on y; got ${options.y.join(', ')}`)
  const unitOf = (name: string) => (wordsOf(name, headings.metrics).kind === 'share' ? 100 : 1)
  const [unitX, unitY] = [unitOf(x), unitOf(y)]
  const { groups, failed } = groupRows(rows, [...new Set([...series, ...identityColumns(rows)])], order)
  const points = groups.flatMap((group): Point[] => {
    const [at, of] = [meanOf(group.rows, x), meanOf(group.rows, y)]
    if (at.mean === null || of.mean === null) return []
    const spread = (of.error ?? 0) * unitY
    const mean = of.mean * unitY
    const place = panelOf(group.rows[0]!, options)
    return [
      {
        ...place,
        series: nameOf(group.keys, series),
        x: at.mean * unitX,
        y: mean,
        low: mean - spread,
        high: mean + spread,
        runs: idsOf(group.rows),
      },
    ]
  })
  if (points.length === 0) throw nothing(`both ${x} and ${y}`, failed.length)
  return points
}
