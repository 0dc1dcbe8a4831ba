// A results folder: runs.csv, terms.csv, meta.json, config.yaml. One writer appends rows, and each is on the disk before the
// next. A process that is killed leaves at most half a line, which the next start removes.

import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { attempt, prepareFolder, writeWhole } from '../files/index.js'
import { readText } from '../schema/index.js'
import { type CsvTable, formatLines, headerLine, parseLines, wholeLines } from './csv.js'
import { lockFolder } from './lock.js'
import { type Meta, metaSchema } from './meta.js'
import { type Row, rowSchema, type Term, termSchema } from './row.js'

export interface Store {
  folder: string
  /** Rows found when the folder was opened, by id. */
  found: Map<string, Row>
  /** Writes the terms, then the row. A row on the disk means that its terms are there. Resolves when both are. */
  append(row: Row, terms: readonly Term[]): Promise<void>
  /** Puts rows and terms into this order of run ids, and completes meta.json. */
  finish(order: readonly string[], finished: string): Promise<void>
  close(): Promise<void>
}

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

/**
 * Opens or makes a results folder. Removes half a last line and terms without a row; with `retryFailed`, failed rows too.
 * @throws UserError when the folder holds rows of another config, other input files or another backend, or another process writes it
 */
export async function openStore(
  folder: string,
  meta: Meta,
  config: string,
  options: { retryFailed?: boolean | undefined } = {},
): Promise<Store> {
  await prepareFolder(folder)
  const unlock = await attempt(folder, async () => lockFolder(folder))
  try {
    const store = await openLocked(folder, meta, config, options)
    return { ...store, close: () => store.close().finally(unlock) }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Opens the folder that is locked. One piece: what may be done with the store shares its two open files. */
async function openLocked(
  folder: string,
  meta: Meta,
  config: string,
  options: { retryFailed?: boolean | undefined },
): Promise<Store> {
  const paths = pathsOf(folder)
  const earlier = checkFolder(folder, meta, config)
  let rows = await readRows(paths.runs)
  if (options.retryFailed) rows = rows.filter((row) => row.status !== 'failed')
  const found = new Map(rows.map((row) => [row.id, row]))
  const terms = (await readTable<Term>(termSchema, paths.terms, true)).filter((term) => found.has(term.run))
  // If no run is missing, the provenance stays as it is: this start makes no row.
  const kept = earlier && rows.length === meta.runs ? earlier : { ...meta, started: earlier?.started ?? meta.started }
  // meta.json first: it marks the folder as one of deltalab.
  await writeWhole(paths.meta, printMeta(kept))
  await writeWhole(paths.config, config)
  await writeTables(folder, rows, terms)

  const writer = await openWriter(folder)
  const finish = async (order: readonly string[], finished: string) => {
    await writer.idle()
    const place = new Map(order.map((id, index) => [id, index]))
    const all = (await readTable<Row>(rowSchema, paths.runs)).sort((a, b) => place.get(a.id)! - place.get(b.id)!)
    const allTerms = (await readTable<Term>(termSchema, paths.terms)).sort(
      (a, b) => place.get(a.run)! - place.get(b.run)!,
    )
    await writeTables(folder, all, allTerms)
    const failed = all.filter((row) => row.status === 'failed').length
    await writeWhole(paths.meta, printMeta({ ...kept, finished: kept.finished ?? finished, failed }))
  }
  return { folder, found, append: writer.append, finish, close: writer.close }
}

/** The meta.json that the folder already has. @throws UserError if this sweep must not write to the folder */
function checkFolder(folder: string, meta: Meta, config: string): Meta | undefined {
  const paths = pathsOf(folder)
  if (existsSync(paths.meta)) {
    const earlier = parseMeta(readText(paths.meta), paths.meta)
    refuseMixing(folder, earlier, meta)
    return earlier
  }
  if (existsSync(paths.runs))
    throw new UserError(`${folder} holds a runs.csv without a meta.json: give another --out, or delete it`)
  if (existsSync(paths.config) && readText(paths.config) !== config)
    throw new UserError(
      `${folder} holds a config.yaml but no meta.json, so deltalab did not write it: give another --out`,
    )
  return undefined
}

/** Writes both tables anew. Terms first: a row promises that its terms are there. */
async function writeTables(folder: string, rows: readonly Row[], terms: readonly Term[]): Promise<void> {
  const paths = pathsOf(folder)
  await writeWhole(paths.terms, headerLine(termSchema) + formatLines<Term>(termSchema, terms))
  await writeWhole(paths.runs, headerLine(rowSchema) + formatLines<Row>(rowSchema, rows))
}

interface Writer extends Pick<Store, 'append' | 'close'> {
  /** Resolves when everything that was appended is on the disk. */
  idle(): Promise<void>
}

/** Appends to both tables, one row at a time. */
async function openWriter(folder: string): Promise<Writer> {
  const paths = pathsOf(folder)
  const runsFile = await open(paths.runs, 'a')
  const termsFile = await open(paths.terms, 'a')
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

/**
 * Rows, terms and provenance of a folder that a sweep wrote or is writing.
 *
 * @param folder results folder
 * @throws UserError when it is not one, or when a file in it is damaged
 */
export async function readResults(folder: string): Promise<Results> {
  const paths = pathsOf(folder)
  if (!existsSync(paths.runs) || !existsSync(paths.meta)) {
    throw new UserError(
      `${folder} is not a results folder: it needs runs.csv and meta.json, as deltalab sweep writes them`,
    )
  }
  return {
    folder,
    rows: await readRows(paths.runs),
    terms: await readTable<Term>(termSchema, paths.terms, true),
    meta: parseMeta(readText(paths.meta), paths.meta),
    config: readText(paths.config),
  }
}

function pathsOf(folder: string) {
  return {
    runs: join(folder, 'runs.csv'),
    terms: join(folder, 'terms.csv'),
    meta: join(folder, 'meta.json'),
    config: join(folder, 'config.yaml'),
  }
}

/** @throws UserError for a run with two rows (files joined by hand): it would count twice in every mean */
async function readRows(path: string): Promise<Row[]> {
  const rows = await readTable<Row>(rowSchema, path, true)
  const seen = new Set<string>()
  for (const [index, { id }] of rows.entries()) {
    if (seen.has(id)) throw new UserError(`${path}:${index + 2}: the run ${id} has two rows`)
    seen.add(id)
  }
  return rows
}

async function readTable<T>(table: CsvTable<T>, path: string, lenientEnd = false): Promise<T[]> {
  if (!existsSync(path)) return []
  const text = wholeLines(readText(path))
  return text === '' ? [] : parseLines(table, text, path, lenientEnd)
}

function parseMeta(text: string, path: string): Meta {
  try {
    return metaSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new UserError(`${path} is not a meta.json that this version of deltalab reads`, { cause })
  }
}

const printMeta = (meta: Meta) => `${JSON.stringify(meta, null, 2)}\n`

function refuseMixing(folder: string, earlier: Meta, now: Meta): void {
  const files = [...new Set([...Object.keys(earlier.inputs), ...Object.keys(now.inputs)])]
  const changed = files.filter((file) => earlier.inputs[file] !== now.inputs[file])
  const hashOf = ({ plugins = [] }: Meta, name: string) => plugins.find((plugin) => plugin.name === name)?.sha256
  const plugins = (earlier.plugins ?? [])
    .map(({ name }) => name)
    .filter((name) => hashOf(earlier, name) !== hashOf(now, name))
  const why =
    earlier.config_hash !== now.config_hash
      ? plugins.length
        ? `plugins with other code (${plugins.join(', ')})`
        : `another config (hash ${earlier.config_hash.slice(0, 8)}, this one ${now.config_hash.slice(0, 8)})`
      : changed.length
        ? `other input files (${changed.join(', ')})`
        : earlier.backend.name !== now.backend.name
          ? `another backend (${earlier.backend.name}, now ${now.backend.name})`
          : undefined
  if (why) throw new UserError(`${folder} holds rows of ${why}: give another folder with --out, or delete this one`)
}
