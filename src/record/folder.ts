// The files of a results folder: runs.csv, terms.csv, meta.json and config.yaml, read and written as wholes.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { writeWhole } from '../files/index.js'
import { readText } from '../schema/index.js'
import { type CsvTable, formatLines, headerLine, parseLines, wholeLines } from './csv.js'
import { type Meta, metaSchema } from './meta.js'
import { type Row, rowSchema, type Term, termSchema } from './row.js'

/** What a results folder holds. */
export interface Results {
  /** Path of the folder. */
  folder: string
  /** One row per run, in the order of runs.csv. */
  rows: Row[]
  /** Per-tensor terms of the Riemann sums; none where a sweep computed none. */
  terms: Term[]
  /** Where the rows come from. */
  meta: Meta
  /** Text of the config that made the rows. */
  config: string
}

/** Paths of the files. */
export function resultPaths(folder: string) {
  return {
    runs: join(folder, 'runs.csv'),
    terms: join(folder, 'terms.csv'),
    meta: join(folder, 'meta.json'),
    config: join(folder, 'config.yaml'),
  }
}

/** Whether a sweep has begun to write rows into a folder. */
export const holdsRows = (folder: string): boolean =>
  [resultPaths(folder).runs, resultPaths(folder).meta].every((path) => existsSync(path))

/**
 * Rows, terms and provenance of a folder that a sweep wrote or is writing.
 *
 * @param folder results folder
 * @throws UserError when it is not one, or when a file in it is damaged
 */
export async function readResults(folder: string): Promise<Results> {
  const results = readWithoutTerms(folder)
  const ids = new Set(results.rows.map(({ id }) => id))
  // A writer may just have written the terms of a row that is not there yet.
  return { ...results, terms: readTerms(folder).filter(({ run }) => ids.has(run)) }
}

/** As `readResults`, for what needs no terms: they are many times as many as the rows. */
export function readWithoutTerms(folder: string): Results {
  const paths = resultPaths(folder)
  if (!holdsRows(folder)) {
    throw new UserError(
      `${folder} is not a results folder: it needs runs.csv and meta.json, as deltalab sweep writes them`,
    )
  }
  return { folder, rows: readRuns(folder), terms: [], meta: readMeta(folder), config: readText(paths.config) }
}

/**
 * The whole rows of runs.csv; with `lenientEnd`, without a last one that cannot be read.
 * @throws UserError for a run with two rows (files joined by hand): it would count twice in every mean
 */
export function readRuns(folder: string, lenientEnd = true): Row[] {
  const path = resultPaths(folder).runs
  const rows = readTable<Row>(rowSchema, path, lenientEnd)
  const seen = new Set<string>()
  for (const [index, { id }] of rows.entries()) {
    if (seen.has(id)) throw new UserError(`${path}:${index + 2}: the run ${id} has two rows`)
    seen.add(id)
  }
  return rows
}

/** The whole lines of terms.csv, as readRuns. */
export const readTerms = (folder: string, lenientEnd = true): Term[] =>
  readTable<Term>(termSchema, resultPaths(folder).terms, lenientEnd)

function readTable<T>(table: CsvTable<T>, path: string, lenientEnd: boolean): T[] {
  if (!existsSync(path)) return []
  const text = wholeLines(readText(path))
  return text === '' ? [] : parseLines(table, text, path, lenientEnd)
}

/** @throws UserError for a file that this version does not read */
export function readMeta(folder: string): Meta {
  const path = resultPaths(folder).meta
  try {
    return metaSchema.parse(JSON.parse(readText(path)))
  } catch (cause) {
    throw new UserError(`${path} is not a meta.json that this version of deltalab reads`, { cause })
  }
}

/** Writes runs.csv anew. */
export const writeRuns = (folder: string, rows: readonly Row[]): Promise<void> =>
  writeWhole(resultPaths(folder).runs, headerLine(rowSchema) + formatLines<Row>(rowSchema, rows))

/** Writes terms.csv anew. */
export const writeTermLines = (folder: string, terms: readonly Term[]): Promise<void> =>
  writeWhole(resultPaths(folder).terms, headerLine(termSchema) + formatLines<Term>(termSchema, terms))

/** Writes both tables anew. Terms first: a row promises that its terms are there. */
export async function writeTables(folder: string, rows: readonly Row[], terms: readonly Term[]): Promise<void> {
  await writeTermLines(folder, terms)
  await writeRuns(folder, rows)
}

/** Writes meta.json anew, its keys in the order of the schema. */
export const writeMeta = (folder: string, meta: Meta): Promise<void> =>
  writeWhole(resultPaths(folder).meta, `${JSON.stringify(metaSchema.parse(meta), null, 2)}\n`)
