// A figure of the reader's own: what is on x and y, what parts the series and the panels, and how the axes run.
import { COLUMNS, DERIVED, OTHERS, type Row, type View } from '../record/index.js'
import { identityColumns, readerOf, wordsOf } from '../report/index.js'
import { drawChart } from './chart.js'
import type { ChartContent } from './content.js'
import { choice, make, switchOf } from './dom.js'
import { keepSetting, settingOf } from './settings.js'

/** More values than these are no series and no panels. */
const MOST_VALUES = 40

/** Columns by what they may be in a figure. */
interface Roles {
  numbers: string[]
  groups: string[]
}

/** The controls and the figure. @param contentOf the rows that are drawn now */
export function makeExplorer(contentOf: () => Omit<ChartContent, 'view'>): { element: HTMLElement; draw: () => void } {
  const { numbers, groups } = rolesOf(contentOf().source.rows)
  const holder = make('figure')
  const draw = () => void drawChart(holder, { ...contentOf(), view: chosenView() })
  const keep = (name: string) => (value: string) => (keepSetting(name, value), draw())
  const named = (names: readonly string[]) => names.map((name) => [name, titleOf(name)] as const)
  const select = (label: string, name: string, choices: readonly (readonly [string, string])[], none?: boolean) =>
    choice(
      label,
      [['', 'automatic'], ...(none ? ([[NO_PANELS, 'none']] as const) : []), ...choices],
      settingOf(name),
      keep(name),
    )
  const flag = (label: string, name: string) =>
    switchOf(label, settingOf(name) === '1', (on) => keep(name)(on ? '1' : ''))
  const kinds = [
    ['box', 'boxes over runs'],
    ['heat', 'heat map'],
    ['scatter', 'point per edit'],
  ] as const
  const controls = make(
    'div',
    { class: 'controls', role: 'group', 'aria-label': 'What the figure shows' },
    choice('kind', [['', 'lines'], ...kinds], settingOf('kind'), keep('kind')),
    select('x', 'x', named([...new Set([...groups, ...numbers])])),
    select('y', 'y', named(numbers)),
    select('series', 'series', named(groups)),
    select('panels across', 'columns', named(groups), true),
    select('panels down', 'rows', named(groups), true),
    flag('log x', 'log_x'),
    flag('log y', 'log_y'),
  )
  return { element: make('div', { class: 'explorer' }, controls, holder), draw }
}

/** A column with one value in what is drawn: it makes one panel. */
const NO_PANELS = 'status'

function chosenView(): Partial<View> {
  const chosen = ['kind', 'x', 'y', 'series', 'columns', 'rows'].flatMap((name) =>
    settingOf(name) ? [[name, settingOf(name)]] : [],
  )
  const kind = settingOf('kind')
  return {
    ...Object.fromEntries(chosen),
    // Boxes are of terms unless something else is asked for.
    ...(kind === 'box' && !settingOf('y') && { y: 'loss_change' }),
    ...(settingOf('log_x') && { log_x: true }),
    ...(settingOf('log_y') && { log_y: true }),
    title: 'Your figure',
  }
}

function titleOf(name: string): string {
  const { heading } = wordsOf(name)
  return heading === name || heading === name.replaceAll('_', ' ') ? heading : `${heading} (${name})`
}

function rolesOf(rows: readonly Row[]): Roles {
  const done = rows.filter(({ status }) => status === 'ok')
  const others = new Set(
    OTHERS.flatMap((column) =>
      done.flatMap((row) => Object.keys(row[column] ?? {}).map((name) => `${column}.${name}`)),
    ),
  )
  const names = [
    ...new Set([...identityColumns(done), ...COLUMNS, ...DERIVED.filter((name) => name !== 'term'), ...others]),
  ]
  const isPlain = (name: string) =>
    !['id', 'options', 'status', 'error', 'warnings', 'dominant', ...OTHERS].includes(name)
  const found = names.filter(isPlain).map((name) => ({ name, ...kindOf(done, name) }))
  return {
    numbers: found.filter(({ isNumber }) => isNumber).map(({ name }) => name),
    groups: found.filter(({ values }) => values > 1 && values <= MOST_VALUES).map(({ name }) => name),
  }
}

/** How many values a column has, and whether they are numbers. The count ends where it is too high for series. */
function kindOf(rows: readonly Row[], name: string): { values: number; isNumber: boolean } {
  const seen = new Set<unknown>()
  const read = readerOf(name)
  for (const row of rows) {
    const value = read(row)
    if (value !== null) seen.add(value)
    if (seen.size > MOST_VALUES) break
  }
  return { values: seen.size, isNumber: seen.size > 0 && [...seen].every((value) => typeof value === 'number') }
}
