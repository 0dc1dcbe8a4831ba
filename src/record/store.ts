// The writer of a results folder. One process appends rows, and each is on the disk before the next. A process that is killed
// leaves at most half a line, which the next start removes. Rows of earlier starts stay where they stand for a run of the plan;
// the others are kept apart.
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { attempt, prepareFolder, writeWhole } from '../files/index.js'
import { readText } from '../schema/index.js'
import { formatLines } from './csv.js'
import {
  type Results,
  readMeta,
  readRuns,
  readTerms,
  resultPaths,
  writeMeta,
  writeRuns,
  writeTables,
} from './folder.js'
import { lockFolder } from './lock.js'
import type { Environment, Meta } from './meta.js'
import { fittingRows, type LeftRow, type Shelf, type SortedRows, sortRows, succeeded, type WantedRun } from './reuse.js'
import { type Row, rowSchema, type Term, termSchema } from './row.js'
import { type HeldShards, holdShards } from './shards.js'
import { prune, putApart, readUnused, removeRows, termsFrom } from './unused.js'

/** What is to be in a results folder. */
export interface StorePlan {
  meta: Meta
  /** Text of the config. */
  config: string
  runs: readonly WantedRun[]
}

export interface StoreOptions {
  /** Failed rows are dropped, so that their runs are repeated. */
  retryFailed?: boolean | undefined
  /** Deletes the rows that are kept apart once the plan is finished. */
  prune?: boolean | undefined
}

export interface Store {
  folder: string
  /** The provenance as it is written now. */
  meta: Meta
  /** Rows of earlier starts that stand for runs of the plan, by id. */
  found: Map<string, Row>
  /** What the folder held before this plan, where that was another one; null in a new folder and when nothing changed. */
  before: Before | null
  collected: Collected
  /** Writes the terms, then the row. A row on the disk means that its terms are there. Resolves when both are. */
  append(row: Row, terms: readonly Term[]): Promise<void>
  /** Puts rows and terms into this order of run ids, completes meta.json, and returns the number of rows that were pruned. */
  finish(order: readonly string[], finished: string): Promise<number>
  close(): Promise<void>
}

/** What a results folder held before this plan. */
export interface Before {
  meta: Meta
  config: string
  /** Rows that do not stand for a run of the plan; they are kept apart now. */
  left: readonly LeftRow[]
}

/** What became of the shards that the folder had. */
export interface Collected {
  shards: number
  /** Number of their rows that stand for runs of the plan now. */
  rows: number
  /** Number of those that do not, and are kept apart. */
  left: number
}

/**
 * Opens or makes a results folder. Rows that do not stand for a run of the plan are put apart. Half a last line and terms without
 * a row are removed.
 * @throws UserError when the folder holds another experiment, or another process writes it
 */
export async function openStore(folder: string, plan: StorePlan, options: StoreOptions = {}): Promise<Store> {
  await prepareFolder(folder)
  const lock = await attempt(folder, () => lockFolder(folder))
  try {
    const store = await openLocked(folder, plan, options)
    const append: Store['append'] = async (row, terms) => {
      lock.check()
      await store.append(row, terms)
    }
    return { ...store, append, close: () => store.close().finally(lock.release) }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Opens the folder that is locked. */
async function openLocked(folder: string, plan: StorePlan, options: StoreOptions): Promise<Store> {
  const main = readMain(folder, plan, options)
  const shards = await holdShards(folder)
  try {
    const apart = [...(await readUnused(folder)), ...shards.shelves]
    const taken = options.retryFailed ? apart.map((shelf) => ({ ...shelf, rows: shelf.rows.filter(succeeded) })) : apart
    const sorted = sortRows(plan.runs, plan.meta, main, taken)
    const meta = metaOf(plan, sorted, main, apart)
    const rows = await arrange(folder, { ...plan, meta }, sorted, main)
    const collected = await clear(folder, plan, sorted, shards)
    const changed = main && (main.meta.config_hash !== plan.meta.config_hash || sorted.left.length > 0)
    const before = changed ? { meta: main.meta, config: main.config, left: sorted.left } : null
    const found = new Map(rows.map((row) => [row.id, row]))
    return { folder, meta, found, before, collected, ...(await openTables(folder, meta, options)) }
  } finally {
    shards.release()
  }
}

/** Opens both tables to append to them. */
async function openTables(
  folder: string,
  meta: Meta,
  options: StoreOptions,
): Promise<Pick<Store, 'append' | 'finish' | 'close'>> {
  const writer = await openWriter(folder)
  const finish = async (order: readonly string[], finished: string) => {
    await writer.idle()
    const place = new Map(order.map((id, index) => [id, index]))
    const all = readRuns(folder, false).sort((a, b) => place.get(a.id)! - place.get(b.id)!)
    const terms = readTerms(folder, false).sort((a, b) => place.get(a.run)! - place.get(b.run)!)
    await writeTables(folder, all, terms)
    const failed = all.filter((row) => !succeeded(row)).length
    const { latest: _, ...rest } = meta
    await writeMeta(folder, { ...rest, finished: meta.finished ?? finished, failed })
    return options.prune ? prune(folder) : 0
  }
  return { append: writer.append, finish, close: writer.close }
}

/** Files that only a model has. */
const MODEL = ['config.json', 'model.safetensors', 'pytorch_model.bin', 'adapter_config.json']

/** The provenance of a folder; undefined in a new one. @throws UserError if a sweep of this experiment must not write to it */
export function checkResults(folder: string, { meta, config }: Pick<StorePlan, 'meta' | 'config'>): Meta | undefined {
  const paths = resultPaths(folder)
  if (!existsSync(paths.meta)) {
    const model = MODEL.find((name) => existsSync(join(folder, name)))
    if (model) throw new UserError(`${folder} is the folder of a model (it holds ${model}): give another --out`)
    if (existsSync(paths.runs))
      throw new UserError(`${folder} holds a runs.csv without a meta.json: give another --out, or delete it`)
    if (existsSync(paths.config) && readText(paths.config) !== config)
      throw new UserError(
        `${folder} holds a config.yaml but no meta.json, so deltalab did not write it: give another --out`,
      )
    return undefined
  }
  const earlier = readMeta(folder)
  if (earlier.experiment !== meta.experiment)
    throw new UserError(
      `${folder} holds the experiment ${earlier.experiment}, and this one is ${meta.experiment}: give another folder with --out, or delete this one`,
    )
  return earlier
}

/** What the folder holds; undefined in a new one. */
function readMain(folder: string, plan: StorePlan, { retryFailed }: StoreOptions): Results | undefined {
  const meta = checkResults(folder, plan)
  if (!meta) return undefined
  const { config } = resultPaths(folder)
  const rows = readRuns(folder)
  return {
    folder,
    rows: retryFailed ? rows.filter(succeeded) : rows,
    terms: readTerms(folder),
    meta,
    config: existsSync(config) ? readText(config) : plan.config,
  }
}

/**
 * Brings the folder to the plan. meta.json is true of every row of runs.csv at every moment, and no row is in no file: rows are
 * put apart before they go, and go before the provenance of the others is written.
 */
async function arrange(
  folder: string,
  { meta, config }: StorePlan,
  sorted: SortedRows,
  main?: Results,
): Promise<Row[]> {
  const { stay, left, back } = sorted
  if (main && left.length) {
    await putApart(
      main,
      left.map(({ row }) => row),
    )
    await writeRuns(folder, stay)
  }
  // In a new folder meta.json comes first: it marks the folder as one of deltalab.
  await writeMeta(folder, meta)
  await writeWhole(resultPaths(folder).config, config)
  const rows = [...stay, ...[...back.values()].flat()]
  const ids = new Set(stay.map(({ id }) => id))
  const terms = (main?.terms ?? []).filter(({ run }) => ids.has(run))
  for (const [from, some] of back) for (const term of termsFrom(from, some)) terms.push(term)
  await writeTables(folder, rows, terms)
  return rows
}

/** Removes the rows that the folder has now from where they were kept apart, and its shards. */
async function clear(
  folder: string,
  { runs, meta }: StorePlan,
  { back }: SortedRows,
  { shelves, shards, remove }: HeldShards,
): Promise<Collected> {
  const collected: Collected = { shards, rows: 0, left: 0 }
  for (const shelf of shelves) {
    const fitting = new Set(fittingRows(runs, meta, shelf).map(({ id }) => id))
    const rest = shelf.rows.filter(({ id }) => !fitting.has(id))
    if (rest.length)
      await putApart(
        { ...shelf, folder, config: readText(resultPaths(shelf.folder).config), terms: termsFrom(shelf.folder, rest) },
        rest,
      )
    collected.rows += back.get(shelf.folder)?.length ?? 0
    collected.left += rest.length
  }
  for (const [from, some] of back) if (shelves.every((shelf) => shelf.folder !== from)) await removeRows(from, some)
  await remove()
  return collected
}

/** The provenance of the rows that stay and of those that this start will make. */
function metaOf(
  { meta, runs }: StorePlan,
  { stay, left, back }: SortedRows,
  main: Results | undefined,
  apart: readonly Shelf[],
): Meta {
  const found = stay.length + [...back.values()].flat().length
  const whole = found === runs.length
  // If no run is missing, this start makes no row.
  if (main && whole && !left.length && !back.size && main.meta.config_hash === meta.config_hash) return main.meta
  const sources = [
    ...(main && stay.length ? [main.meta] : []),
    ...apart.filter(({ folder }) => back.has(folder)).map((shelf) => shelf.meta),
  ]
  const { environment, jobs } = (whole && sources[0]) || meta
  const ends = sources.map(({ finished }) => finished)
  const finished = whole && !ends.includes(null) ? (ends.sort().at(-1) ?? null) : null
  const others = new Map<string, Environment>()
  for (const source of sources)
    for (const each of [source.environment, ...(source.earlier ?? [])]) others.set(JSON.stringify(each), each)
  others.delete(JSON.stringify(environment))
  const started = [meta.started, ...sources.map((source) => source.started)].sort()[0]!
  return {
    ...meta,
    environment,
    jobs,
    started,
    ...(!whole && { latest: { started: meta.started, found } }),
    finished,
    ...(others.size && { earlier: [...others.values()] }),
  }
}

interface Writer extends Pick<Store, 'append' | 'close'> {
  /** Resolves when everything that was appended is on the disk. */
  idle(): Promise<void>
}

/** Appends to both tables, one row at a time. */
async function openWriter(folder: string): Promise<Writer> {
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
