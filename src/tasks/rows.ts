// The rows of a data file: JSONL, CSV with a header line, or Parquet.
import { extname } from 'node:path'
import { CsvError, parse } from 'csv-parse/sync'
import { reasonOf, UserError, unknown } from '../errors/index.js'
import { parseJson, readBytes, readText } from '../errors/input.js'
import type { Row } from './template.js'

export interface PlacedRow {
  /** `path:line`, or `path: row n` where there are no lines. */
  where: string
  /** Number of the line, or of the row. */
  number: number
  row: Row
}

const READERS: Record<string, (path: string) => PlacedRow[] | Promise<PlacedRow[]>> = { '.jsonl': readJsonl, '.csv': readCsv, '.parquet': readParquet }

/** @throws UserError with path and line: no such file, not of its format, not an object on a line */
export async function readRows(path: string): Promise<PlacedRow[]> {
  const reader = READERS[extname(path)]
  if (!reader) throw unknown(`data format of ${path}`, extname(path), Object.keys(READERS))
  return reader(path)
}

function readJsonl(path: string): PlacedRow[] {
  const rows: PlacedRow[] = []
  const lines = readText(path).split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const where = `${path}:${index + 1}`
    const row = parseJson(line, where)
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new UserError(`${where}: a JSON object is wanted`)
    rows.push({ where, number: index + 1, row: row as Row })
  }
  return rows
}

/** Values are texts; templates and labels make numbers of them where they are wanted. */
function readCsv(path: string): PlacedRow[] {
  try {
    const records = parse(readText(path), { columns: true, bom: true, info: true, skip_empty_lines: true }) as unknown as {
      record: Row
      info: { lines: number }
    }[]
    return records.map(({ record, info }, index) => ({ where: `${path}:${info.lines}`, number: index + 1, row: record }))
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause
    const line = (cause as { lines?: number }).lines
    throw new UserError(`${path}${line ? `:${line}` : ''}: not a CSV file: ${cause.message}`, { cause })
  }
}

async function readParquet(path: string): Promise<PlacedRow[]> {
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([import('hyparquet'), import('hyparquet-compressors')])
  const bytes = readBytes(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const records = await parquetReadObjects({ file, compressors }).catch((cause: Error) => {
    throw new UserError(`${path}: not a Parquet file that can be read: ${reasonOf(cause)}`, { cause })
  })
  return records.map((record, index) => ({ where: `${path}: row ${index + 1}`, number: index + 1, row: plain(record) as Row }))
}

/** Parquet's 64-bit integers as numbers; templates and JSON know no others. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return ArrayBuffer.isView(value) && !(value instanceof Uint8Array) ? Array.from(value as unknown as number[], plain) : value
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}
