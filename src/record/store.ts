// The writer of a results folder. One process appends rows, and each is on the disk before the next. A process that is killed
// leaves at most half a line, which the next start removes. Rows of earlier starts stay where they stand for a run of the plan;
// the others are kept apart.
import { attempt, prepareFolder } from '../files/index.js'
import { type Appender, openAppender } from './appender.js'
import { arrange, type Collected, clear, metaOf } from './arrange.js'
import { readEarlier } from './earlier.js'
import { readRuns, readTerms, writeMeta, writeTables } from './folder.js'
import { lockFolder } from './lock.js'
import type { Meta } from './meta.js'
import { type LeftRow, type StorePlan, sortRows, succeeded } from './reuse.js'
import type { Row } from './row.js'
import { holdShards } from './shards.js'
import { prune, readUnused } from './unused.js'

export interface StoreOptions {
  /** Failed rows are dropped, so that their runs are repeated. */
  retryFailed?: boolean | undefined
  /** Deletes the rows that are kept apart once the plan is finished. */
  prune?: boolean | undefined
}

export interface Store extends Pick<Appender, 'append' | 'close'> {
  folder: string
  /** The provenance as it is written now. */
  meta: Meta
  /** Rows of earlier starts that stand for runs of the plan, by id. */
  found: Map<string, Row>
  /** What the folder held before this plan, where that was another one; null in a new folder and when nothing changed. */
  before: Before | null
  collected: Collected
  /** Puts rows and terms into this order of run ids, completes meta.json, and returns the number of rows that were pruned. */
  finish(order: readonly string[], finished: string): Promise<number>
}

/** What a results folder held before this plan. */
export interface Before {
  meta: Meta
  config: string
  /** Rows that do not stand for a run of the plan; they are kept apart now. */
  left: readonly LeftRow[]
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
  const main = readEarlier(folder, plan, options.retryFailed)
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
  const writer = await openAppender(folder)
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
