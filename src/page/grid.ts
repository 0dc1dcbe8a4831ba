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

/** The table. @param onShown is told the numbers of the lines that are left */
export function makeGrid(content: GridContent, onShown: (lines: readonly number[]) => void = () => {}): HTMLElement {
  const { name, title, headings, count, cellAt, textAt } = content
  const numeric = headings.map((_, column) => isNumeric(content, column))
  let shown: number[] = []
  let page = 0
  let [sorted, down] = sortOf(settingOf(`${name}.sort`), headings.length)
  const filters = headings.map((heading) => settingOf(`${name}.${heading}`))

  const said = make('output', { 'aria-live': 'polite' })
  const body = make('tbody')
  const turn = (step: number) => () => ((page += step), fill())
  const [back, on] = [
    make('button', { type: 'button', click: turn(-1), 'aria-label': 'Page before' }, '‹'),
    make('button', { type: 'button', click: turn(1), 'aria-label': 'Next page' }, '›'),
  ]
  const place = make('span')
  const heads = headings.map((heading, column) =>
    make(
      'th',
      { scope: 'col', class: numeric[column] ? 'number' : null },
      make(
        'button',
        { type: 'button', class: 'sort', title: content.hints?.[column] ?? null, click: () => sortBy(column) },
        heading,
      ),
    ),
  )
  const inputs = headings.map((heading, column) =>
    make('input', {
      type: 'search',
      value: filters[column]!,
      size: 6,
      placeholder: numeric[column] ? '>=' : 'filter',
      'aria-label': `Filter ${heading}`,
      input: () => (
        (filters[column] = inputs[column]!.value), keepSetting(`${name}.${heading}`, filters[column]), apply()
      ),
    }),
  )

  function sortBy(column: number): void {
    down = sorted === column && !down
    sorted = column
    keepSetting(`${name}.sort`, `${down ? '-' : ''}${column + 1}`)
    apply()
  }

  function apply(): void {
    const tests = filters.flatMap((text, column) => {
      const test = readFilter(text)
      inputs[column]!.setAttribute('aria-invalid', String(test === null))
      return test && text.trim() ? [{ column, test }] : []
    })
    shown = Array.from({ length: count }, (_, line) => line).filter((line) =>
      tests.every(({ column, test }) => test(cellAt(line, column))),
    )
    if (sorted >= 0) {
      const keys = new Map(shown.map((line) => [line, cellAt(line, sorted)]))
      shown.sort((a, b) => compareCells(keys.get(a)!, keys.get(b)!, down))
    }
    for (const [column, head] of heads.entries())
      head.setAttribute('aria-sort', column !== sorted ? 'none' : down ? 'descending' : 'ascending')
    page = 0
    said.value = shown.length === count ? `${count} lines` : `${shown.length} of ${count} lines`
    fill()
    onShown(shown)
  }

  function fill(): void {
    const pages = Math.max(1, Math.ceil(shown.length / LINES_OF_PAGE))
    back.disabled = page === 0
    on.disabled = page === pages - 1
    place.textContent = `page ${page + 1} of ${pages}`
    for (const part of [back, on, place]) part.hidden = pages === 1
    const lines = shown.slice(page * LINES_OF_PAGE, (page + 1) * LINES_OF_PAGE)
    body.replaceChildren(
      ...lines.map((line) =>
        make(
          'tr',
          {},
          ...headings.map((_, column) =>
            make('td', { class: numeric[column] ? 'number' : null }, textAt(line, column)),
          ),
        ),
      ),
    )
  }

  const save = () =>
    download(
      `${name}.csv`,
      csvOf([headings, ...shown.map((line) => headings.map((_, column) => cellAt(line, column)))]),
    )
  apply()
  return make(
    'div',
    { class: 'grid' },
    make(
      'div',
      { class: 'bar' },
      said,
      back,
      place,
      on,
      make('button', { type: 'button', click: save }, 'Save as CSV'),
    ),
    scrollBox(
      title,
      make(
        'table',
        {},
        make('caption', {}, title),
        make(
          'thead',
          {},
          make('tr', {}, ...heads),
          make('tr', { class: 'filters' }, ...inputs.map((input) => make('td', {}, input))),
        ),
        body,
      ),
    ),
  )
}

/** Column and direction of a kept setting, `-3` for the third one from high to low. */
function sortOf(setting: string, columns: number): [column: number, down: boolean] {
  const at = Math.abs(Number(setting))
  return [Number.isInteger(at) && at <= columns ? at - 1 : -1, setting.startsWith('-')]
}

/** Whether a column has numbers alone, as far as its first lines say it. */
function isNumeric({ count, cellAt }: GridContent, column: number): boolean {
  const values = Array.from({ length: Math.min(count, 500) }, (_, line) => cellAt(line, column))
  const filled = values.filter((value) => value !== null)
  return filled.length > 0 && filled.every((value) => typeof value === 'number')
}

/** Empty cells are last in both directions. */
function compareCells(a: CellValue, b: CellValue, down: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const order =
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : Number(String(a) > String(b))
  return down ? -order : order
}

/** Lines of cells as RFC 4180 writes them. */
export const csvOf = (lines: readonly (readonly CellValue[])[]): string =>
  lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('')

function csvCell(cell: CellValue): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
