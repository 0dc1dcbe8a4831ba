// Texts of a file: the whole of a plain one, or a column of one with rows.
import { extname } from 'node:path'
import { UserError, unknown } from '../../errors/index.js'
import { readText } from '../../schema/index.js'
import { type PlacedRow, placeRow, readRows } from '../cards/rows.js'

const WITH_ROWS = ['.jsonl', '.csv', '.parquet']

/** A row for each text, with the column `text`. @throws UserError with path and line */
export async function readTexts(path: string, column?: string): Promise<PlacedRow[]> {
  if (!WITH_ROWS.includes(extname(path))) {
    if (column !== undefined)
      throw new UserError(`${path}: is a plain text, and has no column ${JSON.stringify(column)}`)
    return [{ where: path, number: 1, row: { text: readText(path) } }]
  }
  const rows = await readRows(path)
  return rows.map((each) => ({
    ...each,
    row: { text: placeRow(each.where, () => textIn(each.row, column ?? 'text')) },
  }))
}

function textIn(row: Record<string, unknown>, column: string): string {
  const value = row[column]
  if (value === undefined) throw unknown('column', column, Object.keys(row))
  if (typeof value !== 'string') throw new UserError(`${JSON.stringify(column)} must be a text`)
  return value
}
