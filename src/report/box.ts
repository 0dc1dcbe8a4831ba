// Box plots: the per-tensor terms of the Riemann sum per editor and rate (arXiv 2410.13841 Fig. 3), or any measure over runs.
// Boxes are quartiles, whiskers reach the farthest value within 1.5 interquartile ranges, the rest are points (Tukey).
import type { TopLevelSpec } from 'vega-lite'
import { type Row, type Term } from '../record/index.js'
import { brokenTitle } from './axis.js'
import { textWidth } from './font.js'
import { cellOf, compareValues, groupRows, type Order, type Value } from './groups.js'
import { yScale, yTitle } from './line.js'
import type { FigureOptions } from './options.js'
import { frame, type Grid, type Headings, nameOf, placeOf } from './panels.js'
import { nothing } from './series.js'
import { styleOf } from './theme.js'
import { formatNumber, wordsOf } from './words.js'

/** vega-lite spec of a box plot. The terms of all seeds of a series stand in one box. Series without an x stand at the right. */
export function boxSpec(
  rows: readonly Row[],
  terms: readonly Term[],
  options: FigureOptions,
  grid: Grid,
  order: Order,
  headings: Headings,
): TopLevelSpec {
  const measure = options.y[0]!
  const { kind } = wordsOf(measure)
  const unit = kind === 'share' ? 100 : 1
  const { groups, failed } = groupRows(rows, options.series, order)
  const names = groups.map((group) => nameOf(group.keys, options.series))
  const termsOf = new Map<string, number[]>()
  for (const { run, term } of terms) termsOf.has(run) ? termsOf.get(run)!.push(term) : termsOf.set(run, [term])
  const values = groups.flatMap((group, i) =>
    group.rows.flatMap((row) => {
      const at = cellOf(row, options.x)
      const numbers = measure === 'term' ? (termsOf.get(row.id) ?? []) : [cellOf(row, measure)]
      const entry = { ...placeOf(row, options), series: names[i], x: at === null ? names[i] : shown(at), at }
      return numbers
        .filter((value): value is number => typeof value === 'number')
        .map((value) => ({ ...entry, y: value * unit }))
    }),
  )
  if (values.length === 0) throw nothing(measure === 'term' ? 'terms in terms.csv' : measure, failed.length)
  const rated = [
    ...new Set(
      values
        .filter(({ at }) => at !== null)
        .sort((a, b) => compareValues(a.at, b.at, order))
        .map(({ x }) => x),
    ),
  ]
  const alone = names.filter((name) => values.some(({ at, x }) => at === null && x === name))
  const beside = names.filter((name) => values.some(({ at, series }) => at !== null && series === name))
  const slot = grid.width / (rated.length + alone.length)
  const named = alone.every((name) => textWidth(name, 10) < slot - 4)
  const x = {
    field: 'x',
    type: 'nominal',
    sort: null,
    title: wordsOf(options.x).axis,
    scale: { domain: [...rated, ...alone], paddingInner: 0.12, paddingOuter: 0.06 },
    axis: {
      labelAngle: 0,
      grid: false,
      tickSize: 0,
      labelOverlap: 'greedy',
      labelSeparation: 3,
      ...(!named && { labelExpr: `indexof(${JSON.stringify(alone)}, datum.value) < 0 ? datum.label : '–'` }),
    },
  }
  const symlog = options.logY ?? (kind === 'loss' && tailed(values.map((value) => value.y)))
  const y = {
    field: 'y',
    type: 'quantitative',
    title: brokenTitle(yTitle(options, headings, symlog), grid.height),
    ...yScale(
      values.map((value) => value.y),
      kind,
      symlog,
      grid.height,
    ),
  }
  const styles = names.map((name, i) => ({ ...styleOf(name, i), box: true }))
  const color = {
    field: 'series',
    type: 'nominal',
    legend: null,
    scale: { domain: names, range: styles.map((style) => style.colour) },
  }
  const mark = {
    type: 'boxplot',
    extent: 1.5,
    size: Math.max(2, Math.min(22, (0.62 * slot) / Math.max(1, beside.length))),
    outliers: { size: 9, strokeWidth: 0.9, filled: false, opacity: 0.75 },
    box: { fillOpacity: 0.45, strokeWidth: 1 },
    median: { color: '#111111', thickness: 1.6 },
    rule: { strokeWidth: 1 },
  }
  const boxes = (test: string, encoding: object) => ({
    transform: [{ filter: test }],
    mark,
    encoding: { x, y, color, ...encoding },
  })
  const layer = [
    ...(kind === 'share'
      ? []
      : [
          {
            mark: { type: 'rule', color: '#222222', strokeWidth: 0.8, strokeDash: [8, 4] },
            encoding: { y: { datum: 0, type: 'quantitative' } },
          },
        ]),
    ...(beside.length
      ? [
          boxes(
            'datum.at !== null',
            beside.length > 1
              ? { xOffset: { field: 'series', type: 'nominal', sort: null, scale: { domain: beside } } }
              : {},
          ),
        ]
      : []),
    ...(alone.length ? [boxes('datum.at === null', {})] : []),
  ]
  return frame(layer, styles, grid, values, headings)
}

const shown = (value: Value) => (typeof value === 'number' ? formatNumber('key', value) : String(value))

/** True when the far tails of the values leave the boxes no room on a linear scale. */
function tailed(values: readonly number[]): boolean {
  const sizes = values.map(Math.abs).sort((a, b) => a - b)
  return sizes.length > 8 && sizes.at(-1)! > 50 * sizes[Math.floor(sizes.length / 2)]!
}
