// The rows of a data file: JSON (a list, or an object in each line), CSV or TSV with a header line, or Parquet.
import { extname } from 'node:path'
import { CsvError, parse } from 'csv-parse/sync'
import { reasonOf, UserError, unknown } from '../../errors/index.js'
import { Float, parseNumbers, wholeOf } from '../../jinja/index.js'
import { parseJson, readBytes, readText } from '../../schema/index.js'
import type { DataRow } from './template.js'

/** A row of the data, and where it stands. */
export interface PlacedRow {
  /** `path:line`, or `path: row n` where there are no lines. */
  where: string
  /** Number of the line, or of the row. */
  number: number
  /** Values by column. */
  row: DataRow
  /** Of a text that is too large to be held: its file. */
  file?: string
}

/** Runs work on a row; its errors say where the row is. */
export function placeRow<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${where}: ${error.message}`, { cause: error }) : error
  }
}

const READERS: Record<string, (path: string) => PlacedRow[] | Promise<PlacedRow[]>> = {
  '.jsonl': readJsonl,
  '.ndjson': readJsonl,
  '.json': readJson,
  '.csv': (path) => readCsv(path, ','),
  '.tsv': (path) => readCsv(path, '\t'),
  '.parquet': readParquet,
}

const readerOf = (path: string) => READERS[extname(path).toLowerCase()]

/** Whether the name of a file says that it has rows. */
export const hasRows = (path: string): boolean => readerOf(path) !== undefined

/** @throws UserError with path and line: no such file, not of its format, not an object on a line */
export async function readRows(path: string): Promise<PlacedRow[]> {
  const reader = readerOf(path)
  if (!reader) throw unknown(`data format of ${path}`, extname(path), Object.keys(READERS))
  return reader(path)
}

const isList = (text: string): boolean => /^\s*\[/.test(text.slice(0, 1000))

/** A list of objects, or of texts, which are the column `text`; or an object in each line, as many files of the hub have under this name. */
function readJson(path: string): PlacedRow[] {
  const text = readText(path)
  if (/^\s*\{\s*(\n|$)/.test(text))
    throw new UserError(`${path}: holds no list; a list of objects, or an object in each line, is wanted`)
  if (!isList(text)) return readJsonl(path)
  return (parseJson(text, path, parseNumbers) as unknown[]).map((each, index) => {
    const where = `${path}: entry ${index + 1}`
    if (typeof each === 'string') return { where, number: index + 1, row: { text: each } }
    return { where, number: index + 1, row: objectAt(where, each) }
  })
}

function objectAt(where: string, value: unknown): DataRow {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as DataRow
  throw new UserError(`${where}: a JSON object is wanted`)
}

function readJsonl(path: string): PlacedRow[] {
  const rows: PlacedRow[] = []
  const text = readText(path)
  if (isList(text))
    throw new UserError(`${path}: holds a JSON array; an object in each line is wanted (jq -c '.[]' makes lines of it)`)
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const where = `${path}:${index + 1}`
    rows.push({ where, number: index + 1, row: objectAt(where, parseJson(line, where, parseNumbers)) })
  }
  return rows
}

/** Values are texts; templates and labels make numbers of them where they are wanted. */
function readCsv(path: string, delimiter: string): PlacedRow[] {
  try {
    const records = parse(readText(path), {
      columns: (names: string[]) => checkColumns(path, names),
      delimiter,
      bom: true,
      info: true,
      skip_empty_lines: true,
    }) as unknown as {
      record: DataRow
      info: { lines: number }
    }[]
    return records.map(({ record, info }, index) => ({
      where: `${path}:${info.lines}`,
      number: index + 1,
      row: record,
    }))
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause
    const line = (cause as { lines?: number }).lines
    throw new UserError(`${path}${line ? `:${line}` : ''}: not a CSV file: ${cause.message}`, { cause })
  }
}

/** @throws UserError for a name that two columns have: the values of one would be lost. Spreadsheets add columns without a name. */
function checkColumns(path: string, names: string[]): string[] {
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) < i)
  if (twice === undefined) return names
  throw new UserError(`${path}:1: two columns are called ${JSON.stringify(twice)}`)
}

async function readParquet(path: string): Promise<PlacedRow[]> {
  const [{ parquetMetadata, parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ])
  const bytes = readBytes(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const records = await parquetReadObjects({ file, compressors }).catch((cause: Error) => {
    throw new UserError(`${path}: not a Parquet file that can be read: ${reasonOf(cause)}`, { cause })
  })
  const floats = floatColumns(parquetMetadata(file).schema)
  const rowOf = (record: Record<string, unknown>): DataRow =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, plain(value, floats.has(key))]))
  return records.map((record, index) => ({ where: `${path}: row ${index + 1}`, number: index + 1, row: rowOf(record) }))
}

/** Parquet's 64-bit integers as JSON has them, and numbers of columns of floats as floats. */
function plain(value: unknown, isFloat: boolean): unknown {
  if (typeof value === 'bigint') return wholeOf(value)
  if (typeof value === 'number') return isFloat && Number.isInteger(value) ? new Float(value) : value
  if (Array.isArray(value)) return value.map((each) => plain(each, isFloat))
  if (ArrayBuffer.isView(value))
    return value instanceof Uint8Array
      ? value
      : Array.from(value as unknown as number[], (each) => plain(each, isFloat))
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, isFloat)]))
}

interface SchemaElement {
  name: string
  type?: string
  num_children?: number
}

/** The columns whose numbers are all floats; a struct with fields of several types is not one of them. */
function floatColumns([root, ...elements]: readonly SchemaElement[]): Set<string> {
  const found = new Set<string>()
  let at = 0
  const kinds = (): Set<string> => {
    const { type, num_children: children = 0 } = elements[at++]!
    const own = new Set(children === 0 && type ? [type] : [])
    for (let i = 0; i < children; i++) for (const kind of kinds()) own.add(kind)
    return own
  }
  for (let i = 0; i < (root!.num_children ?? 0); i++) {
    const { name } = elements[at]!
    if ([...kinds()].every((kind) => kind === 'FLOAT' || kind === 'DOUBLE')) found.add(name)
  }
  return found
}
