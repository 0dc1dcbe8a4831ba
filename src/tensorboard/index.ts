// Rows as runs of TensorBoard: a folder for each, by the id of the run.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, prepareFolder, writeWhole } from '../files/index.js'
import type { Row } from '../record/index.js'
import { eventFile } from './event-file.js'

export interface RunLog {
  /** Writes the row, after those given before, unless its file is there. @param ended when the run ended, in seconds since 1970 */
  add(row: Row, ended: number): void
  /** Waits for what was given. @throws UserError for the first row that could not be written */
  close(): Promise<void>
}

/**
 * Opens a folder for event files, one for each run.
 * @throws UserError when it cannot be written
 */
export async function openRunLog(folder: string): Promise<RunLog> {
  await prepareFolder(folder)
  let written: Promise<void> = Promise.resolve()
  return {
    add(row, ended) {
      written = written.then(() => writeRow(folder, row, ended))
      // `close` tells it.
      written.catch(() => {})
    },
    close: () => written,
  }
}

/** A run that failed, and now did not, has one file all the same. */
async function writeRow(folder: string, row: Row, ended: number): Promise<void> {
  const own = join(folder, row.id)
  const file = (status: Row['status']) => join(own, `events.out.tfevents.${status}`)
  if (existsSync(file(row.status))) return
  await prepareFolder(own)
  await writeWhole(file(row.status), eventFile(row, ended))
  const other = file(row.status === 'ok' ? 'failed' : 'ok')
  await attempt(other, () => rm(other, { force: true }))
}
