// A coloured grid of x against the series, the mean written in each cell: score or loss change over k × p at a glance.

import type { TopLevelSpec } from 'vega-lite'
import { LABEL, symlogOf } from './axis.js'
import { extremes } from './extremes.js'
import { textWidth } from './font.js'
import { type CellValue, compareValues, groupRows, idsOf, meanOf } from './groups.js'
import { type FigureInput, frame, nameOf, type PanelTitles, panelOf } from './panels.js'
import { nothing } from './series.js'
import { INK } from './theme.js'
import { formatNumber, significant, wordsOf } from './words.js'
import { yTitle } from './y-axis.js'

interface HeatCell extends PanelTitles {
  x: string
  /** Value of the x column. */
  at: CellValue
  series: string
  /** Mean, shares in percent. */
  value: number
  text: string
  /** Ids of the runs behind the mean. */
  runs: string[]
}

/** vega-lite spec of a heat map of the means. Light is low: the text turns white on dark cells. */
export function heatSpec(input: FigureInput): TopLevelSpec {
  const { order, grid } = input
  const cells = heatCells(input)
  const xs = [...new Set([...cells].sort((a, b) => compareValues(a.at, b.at, order)).map((cell) => cell.x))]
  const position = heatPosition(cells, xs, input)
  // Losses span decades: their colours follow the symmetric log scale.
  const lossy = wordsOf(input.options.y[0]!, input.headings.metrics).kind === 'loss'
  const values = cells.map((cell) => cell.value)
  const constant = lossy ? symlogOf(values, 200).constant : null
  const fontSize = largestFit(
    cells.map((cell) => cell.text),
    grid.width / xs.length,
  )
  const layer = [
    {
      mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 1 },
      encoding: { ...position, color: heatColour(values, constant, input) },
    },
    {
      mark: { type: 'text', fontSize, baseline: 'middle' },
      encoding: {
        ...position,
        text: { field: 'text' },
        color: { condition: { test: 'datum.dark', value: '#ffffff' }, value: INK },
      },
    },
  ]
  return frame({ layer, styles: [], values: withDark(cells, constant), ownX: !isFull(cells, xs) }, input)
}

function heatCells({ rows, options, order, headings }: FigureInput): HeatCell[] {
  const { x, series } = options
  const measure = options.y[0]!
  const share = wordsOf(measure, headings.metrics).kind === 'share'
  const by = [...new Set([...series, x, ...options.columns, ...options.rows])]
  const { groups, failed } = groupRows(rows, by, order)
  const cells = groups.flatMap((group): HeatCell[] => {
    const { mean } = meanOf(group.rows, measure)
    if (mean === null) return []
    const at = group.keys[x] ?? null
    const only = series.length === 1 ? group.keys[series[0]!] : null
    return [
      {
        ...panelOf(group.rows[0]!, options),
        x: typeof at === 'number' ? formatNumber('key', at) : String(at),
        at,
        series: typeof only === 'number' ? formatNumber('key', only) : nameOf(group.keys, series),
        value: share ? 100 * mean : mean,
        text: share ? formatNumber('share', mean) : significant(mean, 2),
        runs: idsOf(group.rows),
      },
    ]
  })
  if (cells.length === 0) throw nothing(measure, failed.length)
  return cells
}

function heatPosition(cells: readonly HeatCell[], xs: string[], { options: { x, series } }: FigureInput) {
  const axis = { labelAngle: 0, grid: false, tickSize: 0, domain: false }
  return {
    x: { field: 'x', type: 'nominal', sort: xs, title: wordsOf(x).axis, axis },
    y: {
      field: 'series',
      type: 'nominal',
      sort: [...new Set(cells.map((cell) => cell.series))],
      title: series.length === 1 ? wordsOf(series[0]!).axis : series.map((name) => wordsOf(name).heading).join(', '),
      axis,
    },
  }
}

function heatColour(values: readonly number[], constant: number | null, input: FigureInput) {
  const [low, high] = extremes(values)
  const ticks = () => symlogOf(values, 160).ticks.filter((tick) => tick >= low && tick <= high)
  return {
    field: 'value',
    type: 'quantitative',
    title: yTitle(input, false).split(/ (?=\()/),
    scale: {
      scheme: 'blues',
      domain: [low, high],
      ...(constant === null ? { zero: false } : { type: 'symlog', constant }),
    },
    legend: {
      gradientLength: Math.min(160, input.grid.height),
      ...(constant === null ? { tickCount: 5 } : { values: ticks(), labelExpr: LABEL }),
    },
  }
}

/** Marks the cells on whose colour white has more contrast than ink: those above this part of the scheme. */
const DARK = 0.68

function withDark(cells: readonly HeatCell[], constant: number | null) {
  const place = (value: number) =>
    constant === null ? value : Math.sign(value) * Math.log1p(Math.abs(value) / constant)
  const places = cells.map((cell) => place(cell.value))
  const [low, high] = extremes(places)
  return cells.map((cell, i) => ({ ...cell, dark: (places[i]! - low) / (high - low || 1) > DARK }))
}

/** True when every panel has a cell for every x. */
function isFull(cells: readonly HeatCell[], xs: readonly string[]): boolean {
  const panel = (cell: HeatCell) => `${cell.column} ${cell.row}`
  const filled = new Set(cells.map((cell) => `${panel(cell)} ${cell.x}`)).size
  return filled === new Set(cells.map(panel)).size * xs.length
}

/** The largest font size, up to 10, at which every text fits its cell. */
const largestFit = (texts: readonly string[], width: number) =>
  Math.min(10, ...texts.map((text) => (10 * (width - 6)) / textWidth(text, 10)))
