// Rows → one table of means over seeds, the same for the terminal (Markdown), papers (LaTeX, booktabs) and programs (CSV).
import { createArrayCsvStringifier } from 'csv-writer'
import type { Row } from '../record/row.js'
import { AXIS_ORDER, cellOf, checkColumns, distinct, groupRows, identityColumns, meanOf, type Grouping, type Mean, type Order, type Value } from './groups.js'
import { itemsOf } from './items.js'
import { formatMean, formatNumber, wordsOf } from './words.js'

export type Format = 'md' | 'tex' | 'csv'

export interface TableOptions {
  /** Columns that name a line of the table; those that tell the runs apart unless given. */
  by?: string[]
  /** Measures, each as mean ± standard error; loss change, its approximations and the scores unless given. */
  columns?: string[]
}

interface Line {
  keys: Value[]
  /** Runs behind the line. */
  runs: number
  measures: (Mean & { word: string | null })[]
}

export interface Table {
  title: string
  by: string[]
  columns: string[]
  lines: Line[]
  /** Sentences below the table: seeds, items, failed runs, mixed columns. */
  notes: string[]
}

const MEASURES = ['loss_change', 'riemann_sum', 'taylor2', 'bits_per_parameter', 'score_edited', 'score_post', 'score_pre']

/** Means per group. Throws a UserError with the nearest name for an unknown column. */
export function makeTable(rows: readonly Row[], title: string, options: TableOptions = {}, order: Order = new Map()): Table {
  checkColumns([...(options.by ?? []), ...(options.columns ?? [])], rows)
  const by = options.by ?? defaultKeys(rows)
  const columns = options.columns ?? MEASURES.filter((name) => rows.some((row) => cellOf(row, name) !== null))
  const grouping = groupRows(rows, by, order)
  const lines = grouping.groups.map((group) => ({
    keys: by.map((name) => group.keys[name]), runs: group.rows.length,
    measures: columns.map((name) => ({ ...meanOf(group.rows, name), word: wordOf(group.rows, name) })),
  }))
  return { title, by, columns, lines, notes: notesOf(rows, grouping, columns) }
}

/** The common value of a column of words (class, metric, backend); `mixed` where the runs differ. */
function wordOf(rows: readonly Row[], name: string): string | null {
  const words = [...new Set(rows.map((row) => cellOf(row, name)).filter((value) => typeof value === 'string'))]
  return words.length === 0 ? null : words.length === 1 ? words[0] : 'mixed'
}

/** Model, task and label where they vary, then the options that tell runs of one label apart. */
function defaultKeys(rows: readonly Row[]): string[] {
  const axes = AXIS_ORDER.filter((name) => distinct(rows, name) > 1)
  const options = identityColumns(rows).filter((name) => ![...AXIS_ORDER, 'experiment', 'editor', 'model', 'task', 'label'].includes(name) && splits(rows, ['label', ...axes], name))
  const keys = ['model', 'task', 'label'].filter((name) => distinct(rows, name) > 1)
  return [...(keys.length ? keys : ['label']), ...axes, ...options]
}

/** True when runs that agree in `given` differ in `name`. */
function splits(rows: readonly Row[], given: readonly string[], name: string): boolean {
  const pairs = (columns: readonly string[]) => new Set(rows.map((row) => JSON.stringify(columns.map((column) => cellOf(row, column))))).size
  return pairs([...given, name]) > pairs(given)
}

function notesOf(rows: readonly Row[], { failed, mixed, groups }: Grouping, columns: readonly string[]): string[] {
  const runs = groups.map((group) => group.rows.length)
  const [least, most] = [Math.min(...runs), Math.max(...runs)]
  const done = rows.filter((row) => row.status === 'ok')
  const scored = columns.some((name) => name.startsWith('score') || name === 'gap') && itemsOf(done, true)
  const lossy = columns.some((name) => wordsOf(name).kind === 'loss') && itemsOf(done, false)
  const constant = ['model', 'task'].filter((name) => distinct(rows, name) === 1).map((name) => `${name} ${rows[0][name as 'model' | 'task']}`)
  return [
    constant.join(', '),
    groups.length === 0 ? 'no finished run' : most === 1 ? 'single runs' : `mean ± standard error over runs that differ in their seed (${least === most ? most : `${least} to ${most}`} per line)`,
    [lossy && `losses in nats per token, ${lossy}`, scored && `scores in percent, ${scored}`].filter(Boolean).join('; '),
    mixed.length ? `means over different ${mixed.join(', ')}: add them with --by` : '',
    failed.length ? `${failed.length} failed ${failed.length === 1 ? 'run' : 'runs'} left out: ${[...new Set(failed.map((row) => row.error ?? 'no reason given'))].sort().slice(0, 3).join('; ')}` : '',
  ].filter(Boolean)
}

/** Writes a table. Every format ends in a line break. */
export function printTable(table: Table, format: Format): string {
  return format === 'md' ? printMarkdown(table) : format === 'tex' ? printLatex(table) : printCsv(table)
}

const showKey = (value: Value) => (value === null ? '–' : typeof value === 'number' ? formatNumber('key', value) : String(value))

/** Headings and cells as text; the number of runs only where it varies. */
function textCells({ by, columns, lines }: Table): { head: string[]; body: string[][]; keys: number } {
  const counted = new Set(lines.map((line) => line.runs)).size > 1
  const head = [...by.map((name) => wordsOf(name).heading), ...(counted ? ['seeds'] : []), ...columns.map((name) => wordsOf(name).heading)]
  const body = lines.map((line) => [
    ...line.keys.map(showKey), ...(counted ? [String(line.runs)] : []),
    ...line.measures.map(({ mean, error, word }, i) => (mean === null ? word ?? '–' : formatMean(wordsOf(columns[i]).kind, mean, error))),
  ])
  return { head, body, keys: by.length }
}

/** Numbers to the right, words to the left, padded so that it reads as a table in a terminal too. */
function printMarkdown(table: Table): string {
  const { head, body } = textCells(table)
  const right = head.map((_, i) => body.every((cells) => /^[−\d–]/.test(cells[i])))
  const escaped = [head, ...body].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, i) => Math.max(3, ...escaped.map((cells) => [...cells[i]].length)))
  const pad = (cell: string, i: number) => ' '.repeat(widths[i] - [...cell].length)
  const line = (cells: string[]) => `| ${cells.map((cell, i) => (right[i] ? pad(cell, i) + cell : cell + pad(cell, i))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (right[i] ? `${'-'.repeat(width + 1)}:` : `:${'-'.repeat(width + 1)}`)).join('|')}|`
  return [`**${table.title}**`, '', line(escaped[0]), rule, ...escaped.slice(1).map(line), '', ...table.notes.map((note) => `${capital(note)}.`), ''].join('\n')
}

const capital = (text: string) => text[0].toUpperCase() + text.slice(1)

const TEX: Record<string, string> = {
  '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', $: '\\$', '&': '\\&', '#': '\\#', '%': '\\%', _: '\\_', '~': '\\textasciitilde{}', '^': '\\textasciicircum{}',
  '−': '$-$', '±': '$\\pm$', '–': '--', α: '$\\alpha$', Δ: '$\\Delta$', '‖': '$\\|$', '<': '$<$', '>': '$>$', '·': '$\\cdot$',
}

/** Text as LaTeX sets it in text mode. */
export function escapeTex(text: string): string {
  return text.replace(/[\\{}$&#%_~^−±–αΔ‖<>·]/g, (letter) => TEX[letter])
}

/** A booktabs table; needs \usepackage{booktabs}. */
function printLatex(table: Table): string {
  const { head, body } = textCells(table)
  const align = head.map((_, i) => (body.every((cells) => /^[−\d–]/.test(cells[i])) ? 'r' : 'l')).join('')
  const line = (cells: string[]) => `  ${cells.map(escapeTex).join(' & ')} \\\\`
  return [
    '\\begin{table}', '  \\centering', `  \\caption{${escapeTex(table.title)}. ${table.notes.map((note) => `${escapeTex(capital(note))}.`).join(' ')}}`,
    `  \\begin{tabular}{${align}}`, '  \\toprule', line(head), '  \\midrule', ...body.map(line), '  \\bottomrule', '  \\end{tabular}', '\\end{table}', '',
  ].join('\n')
}

/** Full numbers: for each measure its mean, standard error and number of values. */
function printCsv({ by, columns, lines }: Table): string {
  const records = lines.map((line) => [
    ...line.keys.map((value) => value ?? ''), line.runs,
    ...line.measures.flatMap(({ mean, error, n, word }) => (mean === null ? [word ?? '', '', n] : [mean, error ?? '', n])),
  ].map(String))
  const header = [...by, 'runs', ...columns.flatMap((name) => [name, `${name}_error`, `${name}_n`])]
  return createArrayCsvStringifier({}).stringifyRecords([header, ...records])
}
