// Rows → what a line figure draws: one mean ± standard error per panel, series and x, level lines for series without an x, and
// base and post-trained model as references of each panel.
import { UserError } from '../errors/index.js'
import type { Row } from '../record/index.js'
import { endColumns } from './ends.js'
import { type CellValue, groupRows, idsOf, meanOf } from './groups.js'
import type { FigureOptions } from './options.js'
import { type FigureInput, nameOf, type PanelTitles, panelOf } from './panels.js'
import type { SeriesStyle } from './style.js'
import { REFERENCES, styleOf } from './theme.js'
import { wordsOf } from './words.js'

interface SeriesPoint extends PanelTitles {
  series: string
  x: CellValue
  y: number
  low: number
  high: number
  /** Runs behind the mean. */
  n: number
  /** Their ids. */
  runs: string[]
}

interface SeriesLevel extends PanelTitles {
  series: string
  y: number
}

export interface Series {
  points: SeriesPoint[]
  levels: SeriesLevel[]
  styles: SeriesStyle[]
}

/** Points, level lines and their styles. Throws a UserError when y mixes units or nothing can be drawn. */
export function seriesOf({ rows, options, order, headings }: FigureInput): Series {
  const { x, y, series, columns } = options
  const kinds = new Set(y.map((name) => wordsOf(name, headings.metrics).kind))
  if (kinds.size > 1) throw new UserError(`${y.join(', ')} do not share a unit: draw them in figures of their own`)
  const { groups, failed } = groupRows(rows, [...new Set([...series, ...columns, ...options.rows, x])], order)
  // Level lines stand beside others that have an x; alone they are a column that nothing fills in.
  if (groups.length && groups.every((group) => group.keys[x] === null)) throw nothing(`a value of ${x}`, failed.length)
  const names = [...new Set(groups.map((group) => nameOf(group.keys, series)))]
  const label = (name: string, measure: string) =>
    y.length === 1 && series.length
      ? name
      : names.length === 1
        ? wordsOf(measure, headings.metrics).heading
        : `${name}, ${wordsOf(measure, headings.metrics).heading}`
  const points: SeriesPoint[] = []
  const levels: SeriesLevel[] = []
  for (const group of groups) {
    for (const measure of y) {
      const { mean, error, n } = meanOf(group.rows, measure)
      if (mean === null) continue
      const entry = { ...panelOf(group.rows[0]!, options), series: label(nameOf(group.keys, series), measure), y: mean }
      if (group.keys[x] === null) levels.push(entry)
      else
        points.push({
          ...entry,
          x: group.keys[x]!,
          low: mean - (error ?? 0),
          high: mean + (error ?? 0),
          n,
          runs: idsOf(group.rows),
        })
    }
  }
  if (points.length + levels.length === 0) throw nothing(y.join(' or '), failed.length)
  const used = new Set([...points, ...levels].map((entry) => entry.series))
  const alone = y.length > 1 && names.length === 1
  const styles = names
    .flatMap((name, i) => y.map((measure, j) => styleOf(label(name, measure), alone ? j : i, j)))
    .filter((style) => used.has(style.name))
    .map((style) => ({ ...style, points: points.some((point) => point.series === style.name) }))
  const references = options.references ? referencesOf(rows, options) : []
  return {
    points,
    levels: [...levels, ...references],
    styles: [...styles, ...REFERENCES.filter((style) => references.some((level) => level.series === style.name))],
  }
}

export function nothing(what: string, failed: number): UserError {
  return new UserError(`nothing to draw: no finished run has ${what}${failed ? ` (${failed} failed)` : ''}`)
}

/** What base and post-trained model reach in each panel. Of a change or a gap, the post-trained model is the zero line. */
function referencesOf(rows: readonly Row[], options: FigureOptions): SeriesLevel[] {
  const { groups } = groupRows(rows, [...options.columns, ...options.rows])
  return groups.flatMap((group) => {
    const place = panelOf(group.rows[0]!, options)
    if (options.y.every((name) => ['gap', 'loss_change', 'riemann_sum', 'taylor1', 'taylor2'].includes(name)))
      return [{ ...place, series: REFERENCES[0]!.name, y: 0 }]
    return (options.y.length === 1 ? endColumns(options.y[0]!) : []).flatMap((column, i) => {
      const { mean } = meanOf(group.rows, column)
      return mean === null ? [] : [{ ...place, series: REFERENCES[i]!.name, y: mean }]
    })
  })
}
