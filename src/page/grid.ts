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
  cellAt: (line: number, column: number) => CellValue
  textAt: (line: number, column: number) => string
}

const LINES_OF_PAGE = 50
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

/** The table. @param onShown is told the numbers of the lines that are left */
export function makeGrid(content: GridContent, onShown: (lines: readonly number[]) => void = () => {}): HTMLElement {
  const { name, title, headings, count, cellAt } = content
  const filters = headings.map((heading) => settingOf(`${name}.${heading}`))
  let order = orderOf(settingOf(`${name}.sort`), headings.length)
  let shown: number[] = []
  const said = make('output', { 'aria-live': 'polite' })
  const wrong = make('p', { class: 'problem', role: 'alert' })
  const grid = { ...content, classes: headings.map((_, column) => classOf(content, column)) }
  const pages = makePages(grid)
  const head = makeHead(grid, filters, {
    sortBy: (column) => {
      order = { column, down: order.column === column && !order.down }
      keepSetting(`${name}.sort`, `${order.down ? '-' : ''}${column + 1}`)
      apply()
    },
    filterBy: (column, text) => {
      filters[column] = text
      keepSetting(`${name}.${headings[column]}`, text)
      apply()
    },
  })
  const apply = () => {
    const tests = filters.map((text) => (text.trim() ? readFilter(text) : undefined))
    head.tell(tests, order)
    shown = shownLines(content, tests, order)
    const lines = count === 1 ? 'line' : 'lines'
    said.value = shown.length === count ? `${count} ${lines}` : `${shown.length} of ${count} ${lines}`
    wrong.textContent = filters
      .flatMap((text, column) => (tests[column] === null ? [`${headings[column]}: ${text} ${NO_FILTER}`] : []))
      .join('; ')
    wrong.hidden = wrong.textContent === ''
    pages.show(shown)
    onShown(shown)
  }
  const save = () => {
    const lines = shown.map((line) => headings.map((_, column) => cellAt(line, column)))
    download(`${name}.csv`, csvOf([headings, ...lines]))
  }
  apply()
  return make(
    'div',
    { class: 'grid' },
    make('div', { class: 'bar' }, said, pages.bar, make('button', { type: 'button', click: save }, 'Save as CSV')),
    wrong,
    scrollBox(title, make('table', {}, make('caption', {}, title), head.element, pages.body)),
  )
}

/** The numbers of the lines that pass every filter, in their order. What is no filter lets all pass. */
function shownLines(
  { count, cellAt, textAt }: GridContent,
  tests: readonly (ReturnType<typeof readFilter> | undefined)[],
  order: Order,
): number[] {
  const all = Array.from({ length: count }, (_, line) => line)
  const shown = all.filter((line) =>
    tests.every((test, column) => !test || test(cellAt(line, column), textAt(line, column))),
  )
  if (order.column < 0) return shown
  const keys = new Map(shown.map((line) => [line, cellAt(line, order.column)]))
  return shown.sort((a, b) => compareCells(keys.get(a)!, keys.get(b)!, order.down))
}

/** Headings that sort, and the filters below them. */
function makeHead(
  { headings, hints, classes }: Grid,
  filters: readonly string[],
  { sortBy, filterBy }: { sortBy: (column: number) => void; filterBy: (column: number, text: string) => void },
) {
  const heads = headings.map((heading, column) => {
    const sort = { type: 'button', class: 'sort', title: hints?.[column] ?? null, click: () => sortBy(column) }
    return make('th', { scope: 'col', class: classes[column]! }, make('button', sort, heading))
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
  const below = inputs.map((input) => make('td', {}, input))
  return {
    element: make('thead', {}, make('tr', {}, ...heads), make('tr', { class: 'filters' }, ...below)),
    tell: (tests: readonly unknown[], { column: sorted, down }: Order) => {
      for (const [column, head] of heads.entries()) {
        head.setAttribute('aria-sort', column !== sorted ? 'none' : down ? 'descending' : 'ascending')
        inputs[column]!.setAttribute('aria-invalid', String(tests[column] === null))
      }
    },
  }
}

/** The lines a page at a time, and the buttons that turn pages. */
function makePages({ headings, classes, textAt }: Grid) {
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
    const cells = (line: number) =>
      headings.map((_, column) => {
        const text = textAt(line, column)
        // What is longer than its cell is read in full by pointing at it.
        return make('td', { class: classes[column]!, title: text.length > 40 ? text : null }, text)
      })
    const own = lines.slice(page * LINES_OF_PAGE, (page + 1) * LINES_OF_PAGE)
    body.replaceChildren(...own.map((line) => make('tr', {}, ...cells(line))))
  }
  const show = (shown: readonly number[]) => {
    lines = shown
    page = 0
    fill()
  }
  return { body, bar, show }
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
export const csvOf = (lines: readonly (readonly CellValue[])[]): string =>
  lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('')

function csvCell(cell: CellValue): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
