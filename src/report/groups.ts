// Rows → groups of the runs that differ only in their seed, with mean ± standard error over those runs.
import { unknown } from '../errors/index.js'
import {
  COLUMNS,
  type Column,
  DERIVED,
  IDENTITY,
  namesOfOptions,
  OTHERS,
  type Row,
  readValue,
  type View,
} from '../record/index.js'
import { measureOf } from './measures.js'

/** Value of a column of a row, or of an option. */
export type CellValue = string | number | boolean | null

/** Mean of a measure over runs. */
export interface Mean {
  /** Mean over the runs that have a value; null where none has. */
  mean: number | null
  /** Standard error of the mean, s/√n with n − 1 in s; null for fewer than two runs. */
  error: number | null
  /** Number of runs that have a value. */
  n: number
}

interface Group {
  keys: Record<string, CellValue>
  rows: Row[]
}

export interface Grouping {
  by: string[]
  groups: Group[]
  /** Rows left out because their run failed. */
  failed: Row[]
  /** Columns beside the seed that vary inside a group: these means mix different edits. */
  mixed: string[]
}

/** Options that may be swept, by how telling they are on an axis. */
export const AXIS_ORDER = ['drop_rate', 'alpha', 'rank', 'bits', 'multiplier', 'k']

/** Options that have no column of their own (rescale, blocks, multiplier, …, of chains `bitdelta.multiplier`). */
const optionColumns = (rows: readonly Row[]): string[] =>
  namesOfOptions(rows)
    .filter((name) => !(COLUMNS as string[]).includes(name))
    .sort()

/** Further scores by the names that tables and figures know. */
const otherColumns = (rows: readonly Row[]): string[] => [
  ...new Set(
    OTHERS.flatMap((column) =>
      rows.flatMap((row) => Object.keys(row[column] ?? {}).map((name) => `${column}.${name}`)),
    ),
  ),
]

/** Columns and editor options that say what a run is. */
export const identityColumns = (rows: readonly Row[]): string[] => [...IDENTITY, ...optionColumns(rows)]

/** Number of different values of a column. */
export const distinct = (rows: readonly Row[], name: string): number => new Set(rows.map(readerOf(name))).size

/** Whether a column has more than one value; of most rows this takes less than to count them. */
export function varies(rows: readonly Row[], name: string): boolean {
  const read = readerOf(name)
  const first = rows[0] && read(rows[0])
  return rows.some((row) => read(row) !== first)
}

/** Throws a UserError with the nearest name for the first name that no row has. */
export function checkColumns(names: readonly string[], rows: readonly Row[]): void {
  const known = [...COLUMNS, ...DERIVED, ...optionColumns(rows), ...otherColumns(rows)]
  for (const name of names) if (!known.includes(name)) throw unknown('column', name, known)
}

/** Value of a column, an editor option, or a measure that follows from columns. */
export const cellOf = (row: Row, name: string): CellValue => readerOf(name)(row)

type Reader = (row: Row) => CellValue

const readers = new Map<string, Reader>()

/** `cellOf` of a column, for many rows. */
export function readerOf(name: string): Reader {
  const found = readers.get(name) ?? makeReader(name)
  readers.set(name, found)
  return found
}

function makeReader(name: string): Reader {
  const measure = measureOf(name)
  if (measure) return measure
  if (!(COLUMNS as string[]).includes(name)) return (row) => readValue(row, name)
  return (row) => {
    const value = row[name as Column]
    return typeof value === 'object' && value !== null ? readValue(row, name) : (value ?? null)
  }
}

/** Rows that a view asks for. */
export function rowsWhere(rows: readonly Row[], where: View['where']): Row[] {
  const wanted = Object.entries(where ?? {})
  return rows.filter((row) => wanted.every(([name, values]) => [values].flat().includes(cellOf(row, name) as string)))
}

/** Place of a word in the config that made the rows, so that tables and panels keep its order; empty where there is none. */
export type Order = ReadonlyMap<string, number>

/** Empty first, numbers by size, words in the order of the config, then by code unit. */
export function compareValues(a: CellValue, b: CellValue, order: Order = new Map()): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [a === null ? '' : String(a), b === null ? '' : String(b)]
  const place = (word: string) => (word === '' ? -1 : (order.get(word) ?? Infinity))
  if (place(left) !== place(right)) return place(left) < place(right) ? -1 : 1
  return left < right ? -1 : left > right ? 1 : 0
}

/** Words of the values of a config in their order. */
export function orderOf(config: unknown): Order {
  const order = new Map<string, number>()
  const visit = (node: unknown): void => {
    if (typeof node === 'string' && !order.has(node)) order.set(node, order.size)
    else if (node !== null && typeof node === 'object') Object.values(node).forEach(visit)
  }
  visit(config)
  return order
}

/** One group per combination of values of the columns `by`, which are known, in the order of those values; the order of the rows does not matter. */
export function groupRows(rows: readonly Row[], by: readonly string[], words: Order = new Map()): Grouping {
  const done = rows.filter((row) => row.status === 'ok')
  const found = new Map<string, Group>()
  const readers = by.map(readerOf)
  for (const row of done) {
    const values = readers.map((read) => read(row))
    const name = JSON.stringify(values)
    if (!found.has(name))
      found.set(name, { keys: Object.fromEntries(by.map((column, i) => [column, values[i] ?? null])), rows: [] })
    found.get(name)!.rows.push(row)
  }
  const groups = [...found]
    .sort(([nameA, a], [nameB, b]) => {
      for (const name of by) {
        const order = compareValues(a.keys[name]!, b.keys[name]!, words)
        if (order !== 0) return order
      }
      return compareValues(nameA, nameB)
    })
    .map(([, group]) => group)
  for (const group of groups) group.rows.sort((a, b) => compareValues(a.seed, b.seed) || compareValues(a.id, b.id))
  return {
    by: [...by],
    groups,
    failed: rows.filter((row) => row.status === 'failed'),
    get mixed() {
      return identityColumns(rows).filter((name) => groups.some((group) => varies(group.rows, name)))
    },
  }
}

/** Mean ± standard error of a numeric column over the runs of a group. */
export function meanOf(rows: readonly Row[], name: string): Mean {
  const values = rows
    .map((row) => cellOf(row, name))
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
  const n = values.length
  if (n === 0) return { mean: null, error: null, n }
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n === 1) return { mean, error: null, n }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, error: Math.sqrt(squares / (n - 1) / n), n }
}

/** The ids of runs. */
export const idsOf = (rows: readonly Row[]): string[] => rows.map(({ id }) => id)

/** The metrics of finished rows. */
export const metricsOf = (rows: readonly Row[]): (string | null)[] => [
  ...new Set(rows.filter(({ status }) => status === 'ok').map(({ metric }) => metric)),
]
