// A table that sorts and filters, a page at a time, and saves what it shows as CSV.
import type { CellValue } from '../report/index.js'
import { download, make, scrollBox } from './dom.js'
import { readFilter } from './filter.js'
import { keepSetting, settingOf } from './settings.js'

/** What a table shows: lines by their number, and columns by theirs. */
export interface GridContent {
  /** Name of its settings and of its CSV file. */
  name: string
  title: string
  headings: readonly string[]
  /** A sentence about a column, where there is one. */
  hints?: readonly (string | null)[]
  count: number
  /** Where all lines are, for a reader of the print. */
  where: string
  cellAt: (line: number, column: number) => CellValue
  textAt: (line: number, column: number) => string
}

const LINES_OF_PAGE = 50
const LINES_OF_PRINT = 200
/** A table of more is printed on the long side of the paper. */
const COLUMNS_OF_PAPER = 12
const NO_FILTER = 'compares with no number and is left out; right would be >=0.9'

/** A table whose columns are known. */
interface Grid extends GridContent {
  /** Class of each column: `number`, or null. */
  classes: readonly (string | null)[]
}

/** A column as the reader set it. */
interface Order {
  /** Its number; −1 for the order of the lines. */
  column: number
  /** From high to low. */
  down: boolean
}

/** The table. @param onLeft is told the numbers of the lines that the filters leave */
export function makeGrid(content: GridContent, onLeft: (lines: readonly number[]) => void = () => {}): HTMLElement {
  const { name, title, headings, count, cellAt } = content
  const filters = headings.map((heading) => settingOf(`${name}.${heading}`))
  let order = orderOf(settingOf(`${name}.sort`), headings.length)
  let left: number[] = []
  let shown: number[] = []
  const said = make('output', { 'aria-live': 'polite' })
  const wrong = make('p', { class: 'problem', role: 'alert' })
  const grid = { ...content, classes: headings.map((_, column) => classOf(content, column)) }
  const pages = makePages(grid)
  const head = makeHead(grid, filters, {
    sortBy: (column) => {
      order = { column, down: order.column === column && !order.down }
      keepSetting(`${name}.sort`, `${order.down ? '-' : ''}${column + 1}`)
      show()
    },
    filterBy: (column, text) => {
      filters[column] = text
      keepSetting(`${name}.${headings[column]}`, text)
      filter()
    },
  })
  const show = () => {
    head.tellOrder(order)
    shown = sortLines(left, content, order)
    pages.show(shown)
  }
  const filter = () => {
    const tests = filters.map((text) => (text.trim() ? readFilter(text) : undefined))
    head.tellFilters(tests)
    left = linesLeft(content, tests)
    const lines = count === 1 ? 'line' : 'lines'
    said.value = left.length === count ? `${count} ${lines}` : `${left.length} of ${count} ${lines}`
    wrong.textContent = filters
      .flatMap((text, column) => (tests[column] === null ? [`${headings[column]}: ${text} ${NO_FILTER}`] : []))
      .join('; ')
    wrong.hidden = wrong.textContent === ''
    show()
    onLeft(left)
  }
  const save = () => {
    const lines = shown.map((line) => headings.map((_, column) => cellAt(line, column)))
    download(`${name}.csv`, csvOf([headings, ...lines]))
  }
  filter()
  return make(
    'div',
    { class: headings.length > COLUMNS_OF_PAPER ? 'grid wide' : 'grid' },
    make('div', { class: 'bar' }, said, pages.bar, make('button', { type: 'button', click: save }, 'Save as CSV')),
    wrong,
    scrollBox(title, make('table', {}, make('caption', {}, title), head.element, pages.body)),
    pages.rest,
  )
}

/** The numbers of the lines that pass every filter. What is no filter lets all pass. */
function linesLeft(
  { count, cellAt, textAt }: GridContent,
  tests: readonly (ReturnType<typeof readFilter> | undefined)[],
): number[] {
  const wanted = tests.flatMap((test, column) => (test ? [{ test, column }] : []))
  const all = Array.from({ length: count }, (_, line) => line)
  return all.filter((line) => wanted.every(({ test, column }) => test(cellAt(line, column), textAt(line, column))))
}

function sortLines(lines: number[], { cellAt }: GridContent, { column, down }: Order): number[] {
  if (column < 0) return lines
  const keyed = lines.map((line) => ({ line, key: cellAt(line, column) }))
  return keyed.sort((a, b) => compareCells(a.key, b.key, down)).map(({ line }) => line)
}

/** Headings that sort, and the filters below them. */
function makeHead(
  { headings, hints, classes }: Grid,
  filters: readonly string[],
  { sortBy, filterBy }: { sortBy: (column: number) => void; filterBy: (column: number, text: string) => void },
) {
  const heads = headings.map((heading, column) => {
    const sort = { type: 'button', class: 'sort', title: hints?.[column] ?? null, click: () => sortBy(column) }
    return make('th', { scope: 'col', class: classes[column]! }, make('button', sort, ...breakable(heading)))
  })
  const inputs = headings.map((heading, column) =>
    make('input', {
      type: 'search',
      value: filters[column]!,
      size: 6,
      placeholder: classes[column] ? '>=' : 'filter',
      'aria-label': `Filter ${heading}`,
      input: ({ target }) => filterBy(column, (target as HTMLInputElement).value),
    }),
  )
  const below = make('tr', { class: 'filters' }, ...inputs.map((input) => make('td', {}, input)))
  return {
    element: make('thead', {}, make('tr', {}, ...heads), below),
    tellOrder: ({ column: sorted, down }: Order) => {
      for (const [column, head] of heads.entries())
        head.setAttribute('aria-sort', column !== sorted ? 'none' : down ? 'descending' : 'ascending')
    },
    tellFilters: (tests: readonly unknown[]) => {
      for (const [column, input] of inputs.entries()) input.setAttribute('aria-invalid', String(tests[column] === null))
      below.classList.toggle(
        'unset',
        tests.every((test) => test === undefined),
      )
    },
  }
}

/** A name that may break after each underscore. */
const breakable = (name: string): (string | Node)[] =>
  name.split(/(?<=_)/).flatMap((part, i) => (i ? [make('wbr'), part] : [part]))

/** The lines a page at a time, and the buttons that turn pages. */
function makePages({ headings, classes, textAt, where }: Grid) {
  let lines: readonly number[] = []
  let page = 0
  const body = make('tbody')
  const turn = (step: number) => () => ((page += step), fill())
  const back = make('button', { type: 'button', click: turn(-1), 'aria-label': 'Page before' }, '‹')
  const on = make('button', { type: 'button', click: turn(1), 'aria-label': 'Next page' }, '›')
  const place = make('span')
  const bar = make('span', { class: 'pages' }, back, place, on)
  const fill = () => {
    const pages = Math.max(1, Math.ceil(lines.length / LINES_OF_PAGE))
    back.disabled = page === 0
    on.disabled = page === pages - 1
    place.textContent = ` page ${page + 1} of ${pages} `
    bar.hidden = pages === 1
    write(lines.slice(page * LINES_OF_PAGE, (page + 1) * LINES_OF_PAGE))
  }
  const write = (own: readonly number[]) => body.replaceChildren(...own.map((line) => make('tr', {}, ...cells(line))))
  const cells = (line: number) =>
    headings.map((_, column) => {
      const text = textAt(line, column)
      // What is longer than its cell is read in full by pointing at it.
      return make('td', { class: classes[column]!, title: text.length > 40 ? text : null }, text)
    })
  const rest = make('p', { class: 'printed' })
  addEventListener('beforeprint', () => {
    write(lines.slice(0, LINES_OF_PRINT))
    const more = lines.length - LINES_OF_PRINT
    rest.textContent = more > 0 ? `${more} more lines are not printed: all are in ${where}.` : ''
  })
  addEventListener('afterprint', fill)
  const show = (shown: readonly number[]) => {
    lines = shown
    page = 0
    fill()
  }
  return { body, bar, show, rest }
}

/** A kept setting: `-3` is the third column from high to low. */
function orderOf(setting: string, columns: number): Order {
  const at = Math.abs(Number(setting))
  return { column: Number.isInteger(at) && at <= columns ? at - 1 : -1, down: setting.startsWith('-') }
}

/** The class of a column of numbers, as far as its first lines say that it is one; null for others. */
function classOf({ count, cellAt }: GridContent, column: number): string | null {
  const values = Array.from({ length: Math.min(count, 50) }, (_, line) => cellAt(line, column))
  const filled = values.filter((value) => value !== null)
  return filled.length > 0 && filled.every((value) => typeof value === 'number') ? 'number' : null
}

/** Numbers before words. Empty cells are last in both directions. */
function compareCells(a: CellValue, b: CellValue, down: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const words = Number(typeof a !== 'number') - Number(typeof b !== 'number')
  const order = words || (typeof a === 'number' ? a - Number(b) : compareWords(String(a), String(b)))
  return down ? -order : order
}

const compareWords = (a: string, b: string) => (a < b ? -1 : Number(a > b))

/** Lines of cells as RFC 4180 writes them. */
const csvOf = (lines: readonly (readonly CellValue[])[]): string =>
  lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('')

function csvCell(cell: CellValue): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
