// The page: each experiment with its question and finding, tables, figures and tensors; then all rows, a figure of the reader's own,
// and where everything comes from.
import { firstFew } from '../errors/index.js'
import { COLUMNS, describeColumn, type Row } from '../record/index.js'
import {
  FONT_FAMILY,
  identityColumns,
  measureTextBy,
  type PageData,
  type PageTable,
  readerOf,
  tellingColumns,
} from '../report/index.js'
import { makeNotes, makeProvenance } from './about.js'
import { drawChart } from './chart.js'
import { readCompressed } from './compressed-text.js'
import type { ChartContent } from './content.js'
import { choice, make, switchOf, whenNear } from './dom.js'
import { readExperiments, type ShownExperiment } from './experiments.js'
import { makeExplorer } from './explore.js'
import { type GridContent, makeGrid } from './grid.js'
import { keepSetting, settingOf } from './settings.js'
import { makeTermsMap } from './terms-map.js'

const section = (title: string, ...children: (Node | null)[]) =>
  make('section', {}, make('h3', {}, title), ...children.filter((child) => child !== null))

async function main(): Promise<void> {
  const canvas = document.createElement('canvas').getContext('2d')!
  measureTextBy((text, size, bold) => {
    canvas.font = `${bold ? 'bold ' : ''}${size}px ${FONT_FAMILY}`
    return canvas.measureText(text).width
  })
  const data = JSON.parse(await readCompressed('data')) as PageData
  const experiments = readExperiments(data)
  const body = make('main')
  for (const experiment of experiments) body.append(showExperiment(experiment, experiments.length > 1))
  body.append(showRows(experiments))
  body.append(
    ...experiments.map((experiment) =>
      section(`Where the rows of ${experiment.name} come from`, makeProvenance(experiment)),
    ),
  )
  document.querySelector('header')!.append(themeChoice())
  document.querySelector('main')!.replaceWith(body)
  if (data.refresh !== null) loadAgain(data.refresh)
  document.getElementById('licences')!.textContent = await readCompressed('licence-texts')
  document.documentElement.dataset.ready = 'true'
}

function showExperiment(experiment: ShownExperiment, several: boolean): HTMLElement {
  const { name, title, readme, tables, views, source, byId } = experiment
  const holders = views.map((view) => {
    const holder = make('figure')
    whenNear(holder, () => void drawChart(holder, { source, byId, view }))
    return holder
  })
  const map = makeTermsMap(experiment)
  const notes = makeNotes(experiment)
  return make(
    'article',
    { 'aria-label': title },
    several ? make('h2', {}, title) : null,
    readme === null ? null : readmeOf(readme),
    notes && section('What to doubt', notes),
    section('Figures', ...holders),
    section('Means over seeds', ...tables.map((table, i) => meansOf(table, `${name}.${i}`))),
    map && section('Which tensors cause the loss change', map),
  )
}

/** Markdown that was made HTML safely when the page was written; its tables scroll by themselves. */
function readmeOf(html: string): HTMLElement {
  const article = make('div', { class: 'readme' })
  article.append(...new DOMParser().parseFromString(html, 'text/html').body.childNodes)
  for (const table of article.querySelectorAll('table')) {
    const box = make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table' })
    table.replaceWith(box)
    box.append(table)
  }
  return article
}

const meansOf = ({ title, headings, lines, notes }: PageTable, name: string): HTMLElement =>
  make(
    'div',
    {},
    makeGrid({
      name,
      title,
      headings,
      count: lines.length,
      where: 'the page that this is a print of',
      cellAt: (line, column) => lines[line]![column]!.value,
      textAt: (line, column) => lines[line]![column]!.text,
    }),
    make('ul', { class: 'legend-words' }, ...notes.map((note) => make('li', {}, note))),
  )

/** All rows in a table, and the figure of those that it shows. */
function showRows(experiments: readonly ShownExperiment[]): HTMLElement {
  const rows = experiments.flatMap(({ source }) => source.rows)
  const byId = new Map(experiments.flatMap((experiment) => [...experiment.byId]))
  const { source } = experiments[0]!
  let shown: readonly Row[] = rows
  const contentOf = (): Omit<ChartContent, 'view'> => ({ source: { ...source, rows: shown, terms: [] }, byId })
  const explorer = makeExplorer(contentOf)
  let [isNear, waiting]: [boolean, ReturnType<typeof setTimeout> | undefined] = [false, undefined]
  const onLeft = (lines: readonly number[]) => {
    shown = lines.map((line) => rows[line]!)
    clearTimeout(waiting)
    if (isNear) waiting = setTimeout(explorer.draw, 300)
  }
  whenNear(explorer.element, () => {
    isNear = true
    explorer.draw()
  })
  const holder = make('div')
  const files = experiments.flatMap(({ folders }) => folders.map(({ folder }) => `${folder}/runs.csv`))
  const where = `the page that this is a print of, and in ${firstFew(files, 4)}`
  const fill = () => {
    const all = settingOf('all') === '1'
    const options = identityColumns(rows).filter((name) => !(COLUMNS as string[]).includes(name))
    const columns = all ? COLUMNS : [...tellingColumns(rows), ...options]
    holder.replaceChildren(makeGrid(gridOf(rows, columns, where), onLeft))
  }
  fill()
  const more = switchOf('all columns', settingOf('all') === '1', (on) => (keepSetting('all', on ? '1' : ''), fill()))
  return make(
    'article',
    { 'aria-label': 'All rows' },
    section(
      'All rows',
      make(
        'p',
        { class: 'hint' },
        'Filter a column by a word, a number, or conditions such as >=0.9 or >0.1 <0.5. The figure below is of the rows that are left.',
      ),
      more,
      holder,
    ),
    section('Your figure', explorer.element),
  )
}

function gridOf(rows: readonly Row[], columns: readonly string[], where: string): GridContent {
  const readers = columns.map(readerOf)
  const cellAt = (line: number, column: number) => readers[column]!(rows[line]!)
  return {
    name: 'rows',
    title: 'All rows',
    headings: columns,
    hints: columns.map((name) => ((COLUMNS as string[]).includes(name) ? describeColumn(name as keyof Row) : null)),
    count: rows.length,
    where,
    cellAt,
    textAt: (line, column) => {
      const value = cellAt(line, column)
      return value === null ? '' : typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value)
    },
  }
}

function themeChoice(): HTMLElement {
  const show = (theme: string) => {
    document.documentElement.dataset.theme = theme
    keepSetting('theme', theme)
  }
  show(settingOf('theme'))
  const themes = [
    ['', "the system's"],
    ['light', 'light'],
    ['dark', 'dark'],
  ] as const
  return choice('colours', themes, settingOf('theme'), show)
}

/** The page is written anew while a sweep runs. It waits for a reader who types or chooses. */
function loadAgain(seconds: number): void {
  setInterval(() => {
    if (!document.activeElement?.matches('input, select')) location.reload()
  }, 1000 * seconds)
}

void main()
