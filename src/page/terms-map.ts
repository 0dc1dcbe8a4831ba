// The terms of one run as a map: a line per layer, a column per tensor or role. Orange raises the loss, blue lowers it.
import type { Row, Term } from '../record/index.js'
import { significant, wordsOf } from '../report/index.js'
import { choice, make, scrollBox } from './dom.js'
import type { ShownExperiment } from './experiments.js'
import { keepSetting, settingOf } from './settings.js'
import { hideTip, showTip } from './tip.js'

/** More columns than these are hard to read: roles stand in place of tensors. */
const MOST_COLUMNS = 24

/** `model.layers.3.mlp.up_proj.weight` is the part `mlp.up_proj.weight` of layer `model.layers.3`; a tensor without a number has no layer. */
function tensorPlace(tensor: string): { layer: string; part: string } {
  const [, layer = '', part = tensor] = /^(.*?\.\d+)\.(.*)$/.exec(tensor) ?? []
  return { layer, part }
}

/** The map with its choice of run; null where the experiment has no terms. */
export function makeTermsMap({ name, source, byId }: ShownExperiment): HTMLElement | null {
  const byRun = new Map<string, Term[]>()
  for (const term of source.terms) byRun.set(term.run, [...(byRun.get(term.run) ?? []), term])
  const runs = [...byRun.keys()]
  if (runs.length === 0) return null
  const [runSetting, partSetting] = [`${name}.run`, `${name}.parts`]
  const holder = make('div')
  const draw = () => {
    const run = byRun.has(settingOf(runSetting)) ? settingOf(runSetting) : runs[0]!
    holder.replaceChildren(mapOf(byId.get(run)!, byRun.get(run)!, settingOf(partSetting) === 'role'))
  }
  const keep = (setting: string) => (value: string) => (keepSetting(setting, value), draw())
  const controls = make(
    'div',
    { class: 'controls' },
    choice(
      'run',
      runs.map((id) => [id, runWords(byId.get(id)!)]),
      settingOf(runSetting),
      keep(runSetting),
    ),
    choice(
      'columns',
      [
        ['', 'tensors'],
        ['role', 'roles'],
      ],
      settingOf(partSetting),
      keep(partSetting),
    ),
  )
  draw()
  return make('div', {}, controls, holder)
}

function runWords({ model, task, label, drop_rate, rank, bits, alpha, seed }: Row): string {
  const options = Object.entries({ drop_rate, rank, bits, alpha, seed }).filter(([, value]) => value !== null)
  return [model, task, label, ...options.map(([name, value]) => `${wordsOf(name).heading} ${value}`)].join(', ')
}

function mapOf(row: Row, terms: readonly Term[], asRoles: boolean): HTMLElement {
  const placed = terms.map((term) => ({ ...term, ...tensorPlace(term.tensor) }))
  const parts = new Set(placed.map(({ part }) => part)).size
  const byRole = asRoles || parts > MOST_COLUMNS
  const columnOf = ({ role, part }: (typeof placed)[number]) => (byRole ? role : `${role}\n${part}`)
  const cells = new Map<string, Term[]>()
  for (const term of placed) {
    const at = `${term.layer}\n${columnOf(term)}`
    cells.set(at, [...(cells.get(at) ?? []), term])
  }
  const layers = [...new Set(placed.map(({ layer }) => layer))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  )
  const roles = [...new Set(placed.map(({ role }) => role))]
  const columns = [...new Set(roles.flatMap((role) => placed.filter((term) => term.role === role).map(columnOf)))]
  const largest = Math.max(...[...cells.values()].map((all) => Math.abs(sumOf(all))))
  const rolesOver = roles.map((role) => ({
    role,
    span: new Set(placed.filter((term) => term.role === role).map(columnOf)).size,
  }))
  const over = make(
    'tr',
    {},
    make('td'),
    ...rolesOver.map(({ role, span }) => make('th', { scope: 'colgroup', colspan: span }, role)),
  )
  const head = make(
    'tr',
    {},
    make('th', { scope: 'col' }, 'layer'),
    ...columns.map((column) => make('th', { scope: 'col' }, column.replace(/^.*\n/, '').replace(/\.weight$/, ''))),
  )
  const lines = layers.map((layer) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, layer || 'outside'),
      ...columns.map((column) => cellOfMap(cells.get(`${layer}\n${column}`) ?? [], largest)),
    ),
  )
  const number = (value: number | null) => (value === null ? '–' : significant(value))
  const caption = `Terms of the Riemann sum: ${runWords(row)}. Sum ${number(row.riemann_sum)}, exact loss change ${number(row.loss_change)}`
  return scrollBox(
    caption,
    make(
      'table',
      { class: 'map' },
      make('caption', {}, caption),
      make('thead', {}, ...(byRole ? [] : [over]), head),
      make('tbody', {}, ...lines),
    ),
  )
}

const sumOf = (terms: readonly Term[]) => terms.reduce((sum, { term }) => sum + term, 0)

/** A cell is coloured by the root of its share of the largest term, so that small ones are seen. */
function cellOfMap(terms: readonly Term[], largest: number): HTMLElement {
  if (terms.length === 0) return make('td')
  const sum = sumOf(terms)
  const shade = Math.sqrt(Math.abs(sum) / (largest || 1))
  const [first, ...others] = terms
  const lines: [string, string][] = [
    ['term', significant(sum)],
    ['role', first!.role],
    ...(others.length
      ? []
      : ([
          ['entries', String(first!.parameters)],
          ['norm of the change', significant(first!.edit_norm)],
        ] as [string, string][])),
    ...(others.length || first!.delta_norm === null
      ? []
      : ([['norm of the delta', significant(first!.delta_norm)]] as [string, string][])),
  ]
  const heading = others.length ? `${terms.length} tensors` : first!.tensor
  const show = () => showTip(cell, heading, lines)
  const cell = make(
    'td',
    {
      tabindex: 0,
      class: sum < 0 ? 'lowers' : 'raises',
      pointerenter: show,
      focus: show,
      pointerleave: hideTip,
      blur: hideTip,
      'aria-label': `${heading}: ${significant(sum)}`,
    },
    significant(sum, 2),
  )
  cell.style.setProperty('--shade', `${Math.round(100 * shade)}%`)
  return cell
}
