// Both tables of a results folder, open to append to: one row at a time, on the disk before the next.
import { open } from 'node:fs/promises'
import { attempt } from '../files/index.js'
import { formatLines } from './csv.js'
import { resultPaths } from './folder.js'
import { type Row, rowSchema, type Term, termSchema } from './row.js'

export interface Appender {
  /** Writes the terms, then the row. A row on the disk means that its terms are there. Resolves when both are. */
  append(row: Row, terms: readonly Term[]): Promise<void>
  close(): Promise<void>
  /** Resolves when everything that was appended is on the disk. */
  idle(): Promise<void>
}

/** Opens both tables. Rows that are appended together are written one after the other. */
export async function openAppender(folder: string): Promise<Appender> {
  const paths = resultPaths(folder)
  const runsFile = await open(paths.runs, 'a')
  const termsFile = await open(paths.terms, 'a').catch((error: unknown) =>
    runsFile.close().then(() => {
      throw error
    }),
  )
  let last: Promise<void> = Promise.resolve()
  const write = async (row: Row, added: readonly Term[]) => {
    if (added.length) {
      await termsFile.appendFile(formatLines<Term>(termSchema, added))
      await termsFile.datasync()
    }
    await runsFile.appendFile(formatLines<Row>(rowSchema, [row]))
    await runsFile.datasync()
  }
  return {
    append(row, added) {
      last = last.then(() => attempt(folder, () => write(rowSchema.parse(row), added)))
      return last
    },
    idle: () => last,
    async close() {
      await last.catch(() => undefined)
      await Promise.all([runsFile.close(), termsFile.close()])
    },
  }
}
