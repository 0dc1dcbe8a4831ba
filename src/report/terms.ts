// Horizontal bars of the per-tensor terms of one edit: the tensors that cause the loss change, largest first.
import type { TopLevelSpec } from 'vega-lite'
import { UserError } from '../errors/index.js'
import type { Row, Term } from '../record/index.js'
import { LABEL } from './axis.js'
import { draw } from './draw.js'
import type { Figure } from './figure.js'
import { textWidth } from './font.js'
import { lossUnit } from './items.js'
import { INK, THEME } from './theme.js'
import { significant } from './words.js'

/** Raises the loss, lowers the loss: apart in colour and in grey. */
const RAISES = '#D55E00'
const LOWERS = '#0072B2'

/** Terms kept by size, the others added up in one last bar. */
function largestTerms(terms: readonly Term[], bars: number): { name: string; term: number }[] {
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

/** One edit, and what each tensor contributes to its loss change. */
export interface Attribution {
  /** The row of the edit, as in runs.csv. */
  row: Row
  /** A term per edited tensor. */
  terms: readonly Term[]
}

const WIDTH = 380
const FONT_SIZE = 9.5

/** Draws the terms of one run. Throws a UserError when there are none. */
export async function drawTerms(attribution: Attribution): Promise<Figure> {
  if (attribution.terms.length === 0) throw new UserError('nothing to draw: the edit changed no tensor')
  return { name: 'terms', ...(await draw(termsSpec(attribution))) }
}

/** vega-lite spec of the terms of one run; at most `bars` bars. */
function termsSpec({ row, terms }: Attribution, bars = 30): TopLevelSpec {
  const values = largestTerms(terms, bars).map((bar) => ({ ...bar, text: significant(bar.term, 2) }))
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
    scale: { domain: domainOf(values), nice: false },
  }
  const text = (side: 'left' | 'right', test: string) => ({
    transform: [{ filter: test }],
    mark: { type: 'text', align: side, dx: side === 'left' ? 4 : -4, fontSize: FONT_SIZE, color: INK },
    encoding: { x, y, text: { field: 'text' } },
  })
  return {
    title: {
      text: `Terms of the Riemann sum: ${row.label} on ${row.task}`,
      subtitle: [
        `sum ${number(row.riemann_sum)}, exact ${row.loss_kind === 'kl' ? 'divergence' : 'loss change'} ${number(row.loss_change)} ${lossUnit([row])}`,
        `rule ${row.riemann_rule}, ${row.riemann_steps} steps, ${row.loss_items} ${row.loss_items === 1 ? 'item' : 'items'}, ${terms.length} tensors`,
      ],
    },
    data: { values },
    config: THEME,
    width: WIDTH,
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

/** Ends of the axis, with room for the number at the end of a bar, on the sides where there are bars. */
function domainOf(bars: readonly { term: number; text: string }[]): [number, number] {
  const terms = bars.map(({ term }) => term)
  const widest = Math.max(...bars.map(({ text }) => textWidth(text, FONT_SIZE)))
  const [low, high] = [Math.min(0, ...terms), Math.max(0, ...terms)]
  const room = ((widest + 8) / (WIDTH - 2 * widest - 16)) * (high - low)
  return [low < 0 ? low - room : 0, high > 0 ? high + room : 0]
}
