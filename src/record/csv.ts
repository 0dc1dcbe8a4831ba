// Lines of runs.csv and terms.csv: written with csv-writer, and read and checked against the schemas. Numbers are printed so that
// reading them gives the same bits; an empty cell is null. No cell holds a line break, so that a line is a record; that is what makes
// reading many times as fast as a parser of any CSV file can be.

import { createArrayCsvStringifier } from 'csv-writer'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { sayIssue } from '../schema/index.js'

/** A flat table: its strict schema gives the columns, their order and their types. */
export type CsvTable<T> = z.ZodObject & z.ZodType<T>

const oneLine = (text: string) => text.replace(/\s*[\r\n]+\s*/g, ' ')

/** The first line of the file. */
export function headerLine(table: CsvTable<unknown>): string {
  return `${Object.keys(table.shape).join(',')}\n`
}

/** One line for each record, in the order of the columns. */
export function formatLines<T>(table: CsvTable<T>, records: readonly T[]): string {
  if (records.length === 0) return ''
  const cells = records.map((record) =>
    Object.keys(table.shape).map((name) => formatCell((record as Record<string, unknown>)[name])),
  )
  return createArrayCsvStringifier({}).stringifyRecords(cells)
}

function formatCell(cell: unknown): string {
  if (cell === null || cell === undefined) return ''
  return typeof cell === 'object' ? JSON.stringify(cell) : oneLine(String(cell))
}

/** The part of a file that was written completely: up to its last line break (a killed process can leave half a line). */
export function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1)
}

/**
 * Records of whole lines, header first. A column that may be empty may be missing: earlier versions did not have it. With
 * `lenientEnd`, a last record that cannot be read is left out (half a write).
 * @throws UserError naming the file, the line, and the column that is wrong
 */
export function parseLines<T>(table: CsvTable<T>, text: string, path: string, lenientEnd = false): T[] {
  const lines = text.split('\n').slice(0, -1)
  const readLine = lineReader(table, readHeader(table, lines[0] ?? '', path))
  const records: T[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue
    const record = readLine(line)
    if (typeof record !== 'string') records.push(record)
    else if (!(lenientEnd && index === lines.length - 1)) throw new UserError(`${path}:${index + 1}: ${record}`)
  }
  return records
}

function readHeader(table: CsvTable<unknown>, line: string, path: string): string[] {
  const wanted = Object.keys(table.shape)
  const given = line.split(',')
  const missing = wanted.filter((name) => !given.includes(name))
  const mayMiss = missing.every((name) => (table.shape[name] as z.ZodType).safeParse(null).success)
  if (mayMiss && line === wanted.filter((name) => given.includes(name)).join(',')) return given
  const extra = given.filter((name) => !wanted.includes(name))
  const what = [
    missing.length && `lacks ${missing.join(', ')}`,
    extra.length && `has unknown ${extra.join(', ')}`,
  ].filter(Boolean)
  throw new UserError(
    `${path}:1: the columns are not those that this version writes: ${what.join('; ') || 'another order'}`,
  )
}

/** The cells of a line; null where its quotes are not in pairs, or do not enclose a cell. */
function cellsOf(line: string): string[] | null {
  const cells: string[] = []
  let at = 0
  for (let quote = line.indexOf('"'); quote >= 0; quote = line.indexOf('"', at)) {
    if (quote > at) {
      if (line[quote - 1] !== ',') return null
      cells.push(...line.slice(at, quote - 1).split(','))
    }
    let end = line.indexOf('"', quote + 1)
    // Two quotes stand for one.
    while (end >= 0 && line[end + 1] === '"') end = line.indexOf('"', end + 2)
    if (end < 0) return null
    cells.push(line.slice(quote + 1, end).replaceAll('""', '"'))
    at = end + 2
    if (end + 1 === line.length) return cells
    if (line[end + 1] !== ',') return null
  }
  cells.push(...line.slice(at).split(','))
  return cells
}

/**
 * Reads lines in turn, each as a record or what is wrong with it. A record begins as a copy of the one before, and only cells that
 * differ are read: lines have most cells in common, and a copy keeps its shape, which makes records fast to read.
 */
function lineReader<T>(table: CsvTable<T>, names: readonly string[]): (line: string) => T | string {
  const columns = names.map((name) => {
    const schema = table.shape[name] as z.ZodType
    return { name, schema, read: readerOf(schema) }
  })
  let before: Record<string, unknown> = Object.fromEntries(Object.keys(table.shape).map((name) => [name, null]))
  let cellsBefore: string[] = []
  return (line) => {
    const cells = cellsOf(line)
    if (cells === null) return 'a quote is not closed, or does not begin a cell'
    if (cells.length !== columns.length) return `${cells.length} cells for ${columns.length} columns`
    const record = { ...before }
    for (let i = 0; i < cells.length; i++) {
      if (cells[i] === cellsBefore[i]) continue
      const { name, schema, read } = columns[i]!
      const checked = schema.safeParse(read(cells[i]!), { error: sayIssue })
      if (!checked.success) {
        const issue = checked.error.issues[0]!
        return `${[name, ...issue.path].join('.')}: ${issue.message}`
      }
      record[name] = checked.data
    }
    ;[before, cellsBefore] = [record, cells]
    return record as T
  }
}

/** How a cell of a column is read: empty as null, numbers, and records as JSON. */
function readerOf(schema: z.ZodType): (cell: string) => unknown {
  if (schema instanceof z.ZodNullable) {
    const read = readerOf(schema.unwrap() as z.ZodType)
    return (cell) => (cell === '' ? null : read(cell))
  }
  if (schema instanceof z.ZodNumber) return (cell) => (cell === '' ? NaN : Number(cell))
  if (schema instanceof z.ZodRecord)
    return (cell) => {
      try {
        return JSON.parse(cell)
      } catch {
        return cell
      }
    }
  return (cell) => cell
}
