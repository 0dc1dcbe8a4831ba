// A coloured grid of x against the series, the mean written in each cell: score or loss change over k × p at a glance.
import type { TopLevelSpec } from 'vega-lite'
import { type Row } from '../record/index.js'
import { LABEL, symlogOf } from './axis.js'
import { textWidth } from './font.js'
import { compareValues, groupRows, meanOf, type Order } from './groups.js'
import { yTitle } from './line.js'
import type { FigureOptions } from './options.js'
import { frame, type Grid, type Headings, nameOf, placeOf } from './panels.js'
import { nothing } from './series.js'
import { INK } from './theme.js'
import { formatNumber, significant, wordsOf } from './words.js'

/** vega-lite spec of a heat map of the means. Light is low: the text turns white on the dark half. */
export function heatSpec(
  rows: readonly Row[],
  options: FigureOptions,
  grid: Grid,
  order: Order,
  headings: Headings,
): TopLevelSpec {
  const { x, series } = options
  const measure = options.y[0]!
  const { kind } = wordsOf(measure)
  const { groups, failed } = groupRows(rows, [...new Set([...series, x, ...options.columns, ...options.rows])], order)
  const cells = groups.flatMap((group) => {
    const { mean } = meanOf(group.rows, measure)
    const at = group.keys[x] ?? null
    return mean === null
      ? []
      : [
          {
            ...placeOf(group.rows[0]!, options),
            x: typeof at === 'number' ? formatNumber('key', at) : String(at),
            at,
            series:
              series.length === 1 && typeof group.keys[series[0]!] === 'number'
                ? formatNumber('key', group.keys[series[0]!] as number)
                : nameOf(group.keys, series),
            value: kind === 'share' ? 100 * mean : mean,
            text: kind === 'share' ? formatNumber('share', mean) : significant(mean, 2),
          },
        ]
  })
  if (cells.length === 0) throw nothing(measure, failed.length)
  const values = cells.map((cell) => cell.value)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  // Losses span decades: their colours follow the symmetric log scale.
  const constant = kind === 'loss' ? symlogOf(values, 200).constant : null
  const place = (value: number) =>
    constant === null ? value : Math.sign(value) * Math.log1p(Math.abs(value) / constant)
  const dark = cells.map((cell) => ({
    ...cell,
    dark: (place(cell.value) - place(low)) / (place(high) - place(low) || 1) > 0.55,
  }))
  const sort = [...cells].sort((a, b) => compareValues(a.at, b.at, order)).map((cell) => cell.x)
  const axis = { labelAngle: 0, grid: false, tickSize: 0, domain: false }
  const position = {
    x: { field: 'x', type: 'nominal', sort: [...new Set(sort)], title: wordsOf(x).axis, axis },
    y: {
      field: 'series',
      type: 'nominal',
      sort: [...new Set(cells.map((cell) => cell.series))],
      title: series.length === 1 ? wordsOf(series[0]!).axis : series.map((name) => wordsOf(name).heading).join(', '),
      axis,
    },
  }
  const layer = [
    {
      mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 1 },
      encoding: {
        ...position,
        color: {
          field: 'value',
          type: 'quantitative',
          title: yTitle(options, headings, false).split(/ (?=\()/),
          scale: {
            scheme: 'blues',
            domain: [low, high],
            ...(constant === null ? { zero: false } : { type: 'symlog', constant }),
          },
          legend: {
            gradientLength: Math.min(160, grid.height),
            ...(constant === null
              ? { tickCount: 5 }
              : {
                  values: symlogOf(values, 160).ticks.filter((tick) => tick >= low && tick <= high),
                  labelExpr: LABEL,
                }),
          },
        },
      },
    },
    {
      mark: {
        type: 'text',
        fontSize: fontSize(
          cells.map((cell) => cell.text),
          grid.width / position.x.sort.length,
        ),
        baseline: 'middle',
      },
      encoding: {
        ...position,
        text: { field: 'text' },
        color: { condition: { test: 'datum.dark', value: '#ffffff' }, value: INK },
      },
    },
  ]
  const panelOf = (cell: (typeof cells)[number]) => `${cell.column} ${cell.row}`
  const full =
    new Set(cells.map((cell) => `${panelOf(cell)} ${cell.x}`)).size ===
    new Set(cells.map(panelOf)).size * new Set(sort).size
  return frame(layer, [], grid, dark, headings, !full)
}

/** The largest size, up to 10, at which every text fits its cell. */
const fontSize = (texts: readonly string[], width: number) =>
  Math.min(10, ...texts.map((text) => (10 * (width - 6)) / textWidth(text, 10)))
