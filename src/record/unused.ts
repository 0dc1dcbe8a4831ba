// Rows that a config does not ask for any more, kept apart from the others: results folders in `unused`, one for each
// provenance. A row that is asked for again comes back from there.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareFolder, writeWhole } from '../files/index.js'
import {
  type Results,
  readMeta,
  readRuns,
  readTerms,
  resultPaths,
  writeMeta,
  writeRuns,
  writeTables,
  writeTermLines,
} from './folder.js'
import type { Meta } from './meta.js'
import type { Shelf } from './reuse.js'
import type { Row, Term } from './row.js'

/** Folder of the rows that are kept apart. */
export const unusedFolder = (folder: string): string => join(folder, 'unused')

/** The folders of rows that are kept apart; none in a new results folder. */
export async function readUnused(folder: string): Promise<Shelf[]> {
  const root = unusedFolder(folder)
  if (!existsSync(root)) return []
  const folders = (await readdir(root)).sort().map((name) => join(root, name))
  return folders
    .filter((each) => existsSync(resultPaths(each).meta))
    .map((each) => ({ folder: each, rows: readRuns(each), meta: readMeta(each) }))
}

/** Puts rows of a results folder apart. A row of the same run and provenance that is there already is replaced. */
export async function putApart(
  { folder, meta, config, terms }: Omit<Results, 'rows'>,
  rows: readonly Row[],
): Promise<void> {
  const to = join(unusedFolder(folder), digestOf(meta))
  await prepareFolder(to)
  const ids = new Set(rows.map(({ id }) => id))
  const before = readRuns(to).filter(({ id }) => !ids.has(id))
  const own = new Set([...before, ...rows].map(({ id }) => id))
  const termsBefore = readTerms(to).filter(({ run }) => own.has(run) && !ids.has(run))
  // meta.json first: it marks a folder whose rows are of this provenance.
  await writeMeta(to, meta)
  await writeWhole(resultPaths(to).config, config)
  await writeTables(to, [...before, ...rows], [...termsBefore, ...terms.filter(({ run }) => ids.has(run))])
}

/** Reads the terms of rows that come back. */
export function termsFrom(folder: string, rows: readonly Row[]): Term[] {
  const ids = new Set(rows.map(({ id }) => id))
  return readTerms(folder).filter(({ run }) => ids.has(run))
}

/** Removes rows that have come back; a folder without rows goes. */
export async function removeRows(folder: string, rows: readonly Row[]): Promise<void> {
  const ids = new Set(rows.map(({ id }) => id))
  const rest = readRuns(folder).filter(({ id }) => !ids.has(id))
  if (rest.length === 0) return rm(folder, { recursive: true })
  await writeRuns(folder, rest)
  await writeTermLines(folder, termsFrom(folder, rest))
}

/** Deletes all rows that are kept apart, and returns their number. */
export async function prune(folder: string): Promise<number> {
  const shelves = await readUnused(folder)
  await rm(unusedFolder(folder), { recursive: true, force: true })
  return shelves.reduce((sum, { rows }) => sum + rows.length, 0)
}

/** Names what the rows of a folder have in common and their ids do not say. */
const digestOf = ({ inputs, backend, definitions, plugins }: Meta): string =>
  createHash('sha256')
    .update(JSON.stringify([Object.entries(inputs).sort(), backend, definitions ?? null, plugins ?? []]))
    .digest('hex')
    .slice(0, 12)
