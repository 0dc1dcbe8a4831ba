// Shards of a results folder: the shares of a sweep that other processes made, on this machine or others. Each is a results folder
// of its own with its own lock, so that no two processes write one file. A sweep of the whole collects them.
import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { quoteWord } from '../tool/index.js'
import { readMeta, readRuns, resultPaths } from './folder.js'
import { shardsFolder } from './live.js'
import { checkUnlocked, type FolderLock, lockFolder } from './lock.js'
import type { Meta } from './meta.js'
import { fittingRows, type Shelf, succeeded, type WantedRun } from './reuse.js'
import { readUnused } from './unused.js'

/** One share of the runs. */
export interface Shard {
  /** Its number, from 1 to `count`. */
  index: number
  /** Number of shares. */
  count: number
}

/** Shares at most: each may be a job of a cluster. */
export const MOST_SHARDS = 10_000

/** `3/16`, as it is written on the command line. */
export const nameShard = ({ index, count }: Shard): string => `${index}/${count}`

/** The results folder of a shard. */
export const shardFolder = (folder: string, { index, count }: Shard): string =>
  join(shardsFolder(folder), `${index}-of-${count}`)

/** The shards that are not collected, in their order. */
export async function shardsIn(folder: string): Promise<Shard[]> {
  const names = existsSync(shardsFolder(folder)) ? await readdir(shardsFolder(folder)) : []
  return names
    .flatMap((name) => {
      const [, index, count] = /^(\d+)-of-(\d+)$/.exec(name) ?? []
      return index === undefined ? [] : [{ index: Number(index), count: Number(count) }]
    })
    .sort((a, b) => a.count - b.count || a.index - b.index)
}

/** Shards that nobody else writes or reads meanwhile. */
export interface HeldShards {
  /** Number of shards. */
  shards: number
  /** Their rows; a shard may have several shelves, of different configs. */
  shelves: Shelf[]
  /** Removes them: their rows are in the results folder. */
  remove(): Promise<void>
  release(): void
}

const waitFor = (folder: string): string => `wait for it; deltalab status ${quoteWord(folder)} shows how far it is`

/** @throws UserError when a living process writes a results folder or one of its shards */
export async function checkIdle(folder: string): Promise<void> {
  const shards = (await shardsIn(folder)).map((shard) => shardFolder(folder, shard))
  await Promise.all([folder, ...shards].map((each) => checkUnlocked(each, waitFor(folder))))
}

/** Locks and reads all shards of a results folder. @throws UserError that names one that is being written */
export async function holdShards(folder: string): Promise<HeldShards> {
  const folders = (await shardsIn(folder)).map((shard) => shardFolder(folder, shard))
  const locks: FolderLock[] = []
  const release = () => {
    for (const lock of locks.splice(0)) lock.release()
  }
  const remove = async () => {
    for (const each of folders) await rm(each, { recursive: true })
    // Another process may have begun one.
    await rmdir(shardsFolder(folder)).catch(() => undefined)
  }
  try {
    for (const each of folders) locks.push(await lockFolder(each, waitFor(folder)))
    return { shards: folders.length, shelves: (await Promise.all(folders.map(readShelves))).flat(), remove, release }
  } catch (error) {
    release()
    throw error
  }
}

/** The rows of a shard, and those that it has put apart because its config had changed. */
async function readShelves(folder: string): Promise<Shelf[]> {
  const apart = await readUnused(folder)
  if (!existsSync(resultPaths(folder).meta)) return apart
  return [{ folder, rows: readRuns(folder), meta: readMeta(folder) }, ...apart]
}

/**
 * The runs that have a row neither in the results folder nor in one of its shards.
 * @param but a shard whose rows do not count
 * @param retryFailed rows of runs that failed do not count
 */
export async function missingRuns(
  folder: string,
  { runs, meta }: { runs: readonly WantedRun[]; meta: Meta },
  { but, retryFailed = false }: { but?: Shard | undefined; retryFailed?: boolean | undefined },
): Promise<WantedRun[]> {
  const shards = (await shardsIn(folder)).map((shard) => shardFolder(folder, shard))
  const left = but && shardFolder(folder, but)
  const found = new Set<string>()
  for (const each of [folder, ...shards].filter((each) => each !== left && existsSync(resultPaths(each).meta)))
    for (const row of fittingRows(runs, meta, { folder: each, rows: readRuns(each), meta: readMeta(each) }))
      if (!retryFailed || succeeded(row)) found.add(row.id)
  return runs.filter(({ id }) => !found.has(id))
}
