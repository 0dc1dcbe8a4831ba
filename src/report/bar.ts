// Horizontal bars of the per-tensor terms of one edit: the tensors that cause the loss change, largest first.
import type { TopLevelSpec } from 'vega-lite'
import { type Row, type Term } from '../record/index.js'
import { LABEL } from './axis.js'
import { textWidth } from './font.js'
import { lossUnit } from './items.js'
import { INK, THEME } from './theme.js'
import { significant } from './words.js'

/** Raises the loss, lowers the loss: apart in colour and in grey. */
const RAISES = '#D55E00'
const LOWERS = '#0072B2'

/** Terms kept by size, the others added up in one last bar. */
function largest(terms: readonly Term[], bars: number): { name: string; term: number }[] {
  const sorted = [...terms].sort((a, b) => Math.abs(b.term) - Math.abs(a.term) || (a.tensor < b.tensor ? -1 : 1))
  const shown = sorted
    .slice(0, sorted.length > bars ? bars - 1 : bars)
    .map(({ tensor, term }) => ({ name: tensor, term }))
  const rest = sorted.slice(shown.length)
  return rest.length === 0
    ? shown
    : [...shown, { name: `${rest.length} other tensors`, term: rest.reduce((sum, { term }) => sum + term, 0) }]
}

const number = (value: number | null) => (value === null ? '–' : significant(value))

/** vega-lite spec of the terms of one run; at most `bars` bars. */
export function barSpec(row: Row, terms: readonly Term[], bars = 30): TopLevelSpec {
  const values = largest(terms, bars).map((bar) => ({ ...bar, text: significant(bar.term, 2) }))
  const limit = Math.max(...values.map(({ term }) => Math.abs(term)))
  const widest = Math.max(...values.map(({ text }) => textWidth(text, 9.5)))
  const [low, high] = [Math.min(0, ...values.map(({ term }) => term)), Math.max(0, ...values.map(({ term }) => term))]
  const width = 380
  // Room for the number at the end of a bar, on the side where there are bars.
  const room = ((widest + 8) / (width - 2 * widest - 16)) * (high - low || limit)
  const y = {
    field: 'name',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { grid: false, tickSize: 0, labelLimit: 400 },
  }
  const x = {
    field: 'term',
    type: 'quantitative',
    title: `term of the Riemann sum (${lossUnit([row])})`,
    axis: { labelExpr: LABEL, tickCount: 5 },
    scale: { domain: [low < 0 ? low - room : 0, high > 0 ? high + room : 0], nice: false },
  }
  const text = (side: 'left' | 'right', test: string) => ({
    transform: [{ filter: test }],
    mark: { type: 'text', align: side, dx: side === 'left' ? 4 : -4, fontSize: 9.5, color: INK },
    encoding: { x, y, text: { field: 'text' } },
  })
  return {
    title: {
      text: `Terms of the Riemann sum: ${row.label} on ${row.task}`,
      subtitle: [
        `sum ${number(row.riemann_sum)}, exact loss change ${number(row.loss_change)} ${lossUnit([row])}`,
        `rule ${row.riemann_rule}, ${row.riemann_steps} steps, ${row.loss_items} items, ${terms.length} tensors`,
      ],
    },
    data: { values },
    config: THEME,
    width,
    height: { step: 17 },
    layer: [
      {
        mark: { type: 'bar', size: 11 },
        encoding: { x, y, color: { condition: { test: 'datum.term < 0', value: LOWERS }, value: RAISES } },
      },
      text('left', 'datum.term >= 0'),
      text('right', 'datum.term < 0'),
      { mark: { type: 'rule', color: INK, strokeWidth: 1 }, encoding: { x: { datum: 0, type: 'quantitative' } } },
    ],
  } as unknown as TopLevelSpec
}
