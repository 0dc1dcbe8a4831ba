// A table as text: Markdown that also reads well in a terminal, LaTeX (booktabs) for papers, CSV with full numbers for programs.
import { createArrayCsvStringifier } from 'csv-writer'
import type { CellValue } from './groups.js'
import type { Cell, Table, TableColumn } from './table.js'
import { formatMean, formatNumber, hasMetric, mixedHeading, wordsOf } from './words.js'

/** Text forms of a table: Markdown, LaTeX, CSV. */
export type Format = 'md' | 'tex' | 'csv'

/**
 * A table as text, which ends in a line break.
 *
 * @param table as `table` makes it
 * @param format `md` is Markdown, `tex` LaTeX (booktabs), `csv` has full numbers
 */
export function printTable(table: Table, format: Format = 'md'): string {
  return format === 'md' ? printMarkdown(table) : format === 'tex' ? printLatex(table) : printCsv(table)
}

const showKey = (value: CellValue) =>
  value === null ? '–' : typeof value === 'number' ? formatNumber('key', value) : String(value)

/** Headings and cells as text; the number of runs only where it varies. */
export function textCells({ by, columns, lines }: Table): { head: string[]; body: string[][]; keys: number } {
  const counted = new Set(lines.map((line) => line.runs)).size > 1
  const head = [
    ...by.map((name) => wordsOf(name).heading),
    ...(counted ? ['seeds'] : []),
    ...columns.map(({ heading }) => heading),
  ]
  const body = lines.map((line) => [
    ...line.keys.map(showKey),
    ...(counted ? [String(line.runs)] : []),
    ...line.cells.map((cell, i) => textOf(cell, columns[i]!)),
  ])
  return { head, body, keys: by.length }
}

/** A share has its sign in a column whose heading does not say it, because others have another unit. */
function textOf({ mean, error, word, metric }: Cell, { name, heading }: TableColumn): string {
  if (mean === null) return word ?? '–'
  const words = wordsOf(name, metric === undefined ? [] : [metric])
  const text = formatMean(words, mean, error)
  return words.kind === 'share' && hasMetric(name) && heading === mixedHeading(name) ? `${text} %` : text
}

/** What a cell is sorted and filtered by, in the unit that its text has: a share in per cent. */
export function cellValue({ mean, word, metric }: Cell, { name }: TableColumn): CellValue {
  if (mean === null) return word
  const isShare = wordsOf(name, metric === undefined ? [] : [metric]).kind === 'share'
  return isShare ? Number((100 * mean).toPrecision(15)) : mean
}

/** The lines of a Markdown table. Numbers to the right, words to the left, padded so that it reads as a table in a terminal too. */
export function columnLines(table: Table): string[] {
  const { head, body } = textCells(table)
  const right = head.map((_, i) => body.every((cells) => /^[−\d–]/.test(cells[i]!)))
  const escaped = [head, ...body].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, i) => Math.max(3, ...escaped.map((cells) => [...cells[i]!].length)))
  const pad = (cell: string, i: number) => ' '.repeat(widths[i]! - [...cell].length)
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (right[i] ? pad(cell, i) + cell : cell + pad(cell, i))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (right[i] ? `${'-'.repeat(width + 1)}:` : `:${'-'.repeat(width + 1)}`)).join('|')}|`
  return [line(escaped[0]!), rule, ...escaped.slice(1).map(line)]
}

const printMarkdown = (table: Table): string =>
  [`**${table.title}**`, '', ...columnLines(table), '', ...table.notes.map(sentence), ''].join('\n')

/** A note as a sentence. */
export const sentence = (note: string): string => `${note[0]!.toUpperCase()}${note.slice(1)}.`

const TEX: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  '%': '\\%',
  _: '\\_',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '−': '$-$',
  '±': '$\\pm$',
  '–': '--',
  α: '$\\alpha$',
  Δ: '$\\Delta$',
  '‖': '$\\|$',
  '<': '$<$',
  '>': '$>$',
  '·': '$\\cdot$',
}

/** Text as LaTeX sets it in text mode. */
export function escapeTex(text: string): string {
  return text.replace(/[\\{}$&#%_~^−±–αΔ‖<>·]/g, (letter) => TEX[letter]!)
}

/** A booktabs table; needs \usepackage{booktabs}. */
function printLatex(table: Table): string {
  const { head, body } = textCells(table)
  const align = head.map((_, i) => (body.every((cells) => /^[−\d–]/.test(cells[i]!)) ? 'r' : 'l')).join('')
  const line = (cells: string[]) => `  ${cells.map(escapeTex).join(' & ')} \\\\`
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeTex(table.title)}. ${table.notes.map((note) => escapeTex(sentence(note))).join(' ')}}`,
    `  \\begin{tabular}{${align}}`,
    '  \\toprule',
    line(head),
    '  \\midrule',
    ...body.map(line),
    '  \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n')
}

/** Full numbers: for each measure its mean, standard error and number of values. */
function printCsv({ by, columns, lines }: Table): string {
  const records = lines.map((line) =>
    [
      ...line.keys.map((value) => value ?? ''),
      line.runs,
      ...line.cells.flatMap(({ mean, error, n, word }) =>
        mean === null ? [word ?? '', '', n] : [mean, error ?? '', n],
      ),
    ].map(String),
  )
  const header = [
    ...by,
    'runs',
    ...columns.flatMap(({ name, heading, of }) => {
      const at = of !== undefined ? `${name} ${of}` : heading === wordsOf(name).heading ? name : `${name} ${heading}`
      return [at, `${at}_error`, `${at}_n`]
    }),
  ]
  return createArrayCsvStringifier({}).stringifyRecords([header, ...records])
}
