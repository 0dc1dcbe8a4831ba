// Rows as they are, one by one: chosen, sorted, and written for people and for other programs.
import { createArrayCsvStringifier } from 'csv-writer'
import { COLUMNS, type Row, rowSchema } from '../record/index.js'
import { markdownTable } from '../schema/index.js'
import { type CellValue, cellOf, checkColumns, compareValues, type Order, varies } from './groups.js'

/** What is listed. */
export interface ListOptions {
  /** Columns, options, measures and further scores, each once; all columns of runs.csv unless given. */
  columns?: readonly string[] | undefined
  /** Columns to sort by, the first one first; a minus before one means from high to low. The order of the rows unless given. */
  sort?: readonly string[] | undefined
  /** Rows that these were chosen from, whose columns may be named; the rows themselves unless given. */
  chosenFrom?: readonly Row[]
}

/** Rows as a table of plain values. */
export interface RowList {
  columns: string[]
  /** A value of each column for each row; null is an empty cell, and what is no number or word is JSON. */
  lines: CellValue[][]
}

/** @throws UserError with the nearest name for a column that no row has */
export function listRows(rows: readonly Row[], options: ListOptions, words?: Order): RowList {
  const { sort = [], chosenFrom = rows } = options
  const columns = [...new Set(options.columns ?? COLUMNS)]
  const keys = sort.map((name) => ({ name: name.replace(/^-/, ''), sign: name.startsWith('-') ? -1 : 1 }))
  checkColumns([...columns, ...keys.map(({ name }) => name)], chosenFrom)
  const sorted = rows
    .map((row) => ({ row, at: keys.map(({ name }) => cellOf(row, name)) }))
    .sort((a, b) => {
      for (const [i, { sign }] of keys.entries()) {
        // What has no value is last, from low to high and from high to low.
        const order =
          a.at[i] === null || b.at[i] === null
            ? Number(a.at[i] === null) - Number(b.at[i] === null)
            : sign * compareValues(a.at[i]!, b.at[i]!, words)
        if (order !== 0) return order
      }
      return 0
    })
  return { columns, lines: sorted.map(({ row }) => columns.map((name) => cellOf(row, name))) }
}

/** Columns that tell rows apart, for people: neither those that are the same everywhere, nor the name of a run, nor JSON. */
export const tellingColumns = (rows: readonly Row[]): string[] =>
  COLUMNS.filter(
    (name) =>
      !['id', 'seconds', 'options'].includes(name) &&
      !isJson(name) &&
      (['model', 'task', 'label'].includes(name) || varies(rows, name)),
  )

const schemaOf = (name: string) => (COLUMNS.includes(name as keyof Row) ? rowSchema.shape[name as keyof Row] : null)
const isJson = (name: string): boolean => schemaOf(name)?.safeParse({}).success ?? false

/** Text forms of a list. */
export type ListFormat = 'csv' | 'jsonl' | 'md'

/** Numbers in full, so that reading them gives the same bits. */
export function printRows({ columns, lines }: RowList, format: ListFormat): string {
  if (format === 'csv') return csvOf([columns, ...lines])
  if (format === 'md')
    return markdownTable(
      columns,
      lines.map((cells) => cells.map((cell) => (cell === null ? '' : String(cell)))),
    )
  const keys = columns.map((name) => ({ key: JSON.stringify(name), json: isJson(name) }))
  // A cell of JSON is part of the line as it is.
  const cellText = (cell: CellValue, json: boolean) => (json && cell !== null ? String(cell) : JSON.stringify(cell))
  return lines
    .map((cells) => `{${cells.map((cell, i) => `${keys[i]!.key}:${cellText(cell, keys[i]!.json)}`).join(',')}}\n`)
    .join('')
}

const csvOf = (lines: readonly CellValue[][]): string =>
  createArrayCsvStringifier({}).stringifyRecords(lines.map((cells) => cells.map((cell) => cell ?? '')))

/** Parquet: columns of runs.csv have the type that the schema gives, whatever their values are; of others the values say it. */
export async function encodeParquet({ columns, lines }: RowList): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const columnData = columns.map((name, i) => {
    const cells = lines.map((cells) => cells[i]!)
    const type = typeOf(name, cells)
    const read = (cell: CellValue) =>
      cell === null ? null : type === 'INT64' ? BigInt(cell as number) : type === 'STRING' ? String(cell) : cell
    return { name, data: cells.map(read), type, nullable: true }
  })
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}

function typeOf(name: string, cells: readonly CellValue[]): 'INT64' | 'DOUBLE' | 'BOOLEAN' | 'STRING' {
  const schema = schemaOf(name)
  if (schema) return schema.safeParse(0).success ? (schema.safeParse(0.5).success ? 'DOUBLE' : 'INT64') : 'STRING'
  const kinds = new Set(cells.filter((cell) => cell !== null).map((cell) => typeof cell))
  if (kinds.size !== 1) return kinds.size === 0 ? 'DOUBLE' : 'STRING'
  return kinds.has('number') ? 'DOUBLE' : kinds.has('boolean') ? 'BOOLEAN' : 'STRING'
}
