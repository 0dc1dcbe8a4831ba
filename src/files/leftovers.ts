// What a run that was killed leaves beside the folder that it was writing, and what becomes of it: nothing that was finished is
// lost, nothing half-written stays but what the same command can go on with.
import { readdir, rename, rmdir, stat } from 'node:fs/promises'
import os from 'node:os'
import { basename, dirname, join } from 'node:path'
import { amount, UserError, unwritable } from '../errors/index.js'
import { tellFound } from './found.js'
import { readJournal, removeJournal } from './journal.js'
import { takeLock } from './lock.js'
import { isReplaced, removeOwn, removeUnfinished, removeUnmarked, stateOf, strangersIn } from './manifest.js'

/** Folders beside `name` are called `name.partial-Ab12Cd` while they are written, and `name.old-Ab12Cd` while they are replaced. */
export const PARTIAL = '.partial-'
export const OLD = '.old-'

/** Keeps a name for this process alone, until released. @throws UserError while another one writes it */
export function holdName(folder: string, target: string): () => void {
  const path = `${target}.deltalab-lock`
  try {
    return takeLock(
      path,
      ({ pid, host }) =>
        new UserError(
          `${folder}: is being written by process ${pid}${host === os.hostname() ? '' : ` of ${host} (if that is gone, delete ${path})`}; wait for it, or choose another name`,
        ),
    )
  } catch (error) {
    throw error instanceof UserError ? error : unwritable(folder, error as Error)
  }
}

interface Leftovers {
  /** Full paths by the letters at their ends. */
  partial: Map<string, string>
  old: Map<string, string>
  /** Folders of such names that nothing tells where they are from. */
  others: string[]
}

async function findLeftovers(target: string): Promise<Leftovers> {
  const found: Leftovers = { partial: new Map(), old: new Map(), others: [] }
  for (const name of await readdir(dirname(target)).catch(() => [])) {
    for (const [kind, end] of [
      ['partial', PARTIAL],
      ['old', OLD],
    ] as const) {
      const start = basename(target) + end
      const [id, path] = [name.slice(start.length), join(dirname(target), name)]
      if (!name.startsWith(start) || !/^\w{6}$/.test(id)) continue
      if (kind === 'partial' || (await isReplaced(path, id))) found[kind].set(id, path)
      else found.others.push(path)
    }
  }
  return found
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null

/** What is to be said of a folder that is not there because a run was killed while it replaced it; null where that is not why. */
export async function interruptedAt(target: string): Promise<string | null> {
  if (await exists(target)) return null
  const { partial, old } = await findLeftovers(target)
  const [[id, before] = []] = old
  if (before !== undefined) {
    const after = partial.get(id!)
    const isWhole = after !== undefined && (await stateOf(after)) === 'complete'
    return `a run with --overwrite was interrupted while it replaced this folder: the one before is ${before}${isWhole ? `, the finished new one ${after}` : ''}; rename the one that you want to ${target}`
  }
  for (const path of partial.values())
    if ((await stateOf(path)) === 'complete')
      return `a run was interrupted when it was finished: rename ${path} to ${target}`
  if ((await unfinishedOf(target)).length)
    return 'the run that writes it was interrupted: start it again, and it goes on'
  return null
}

/** Folders that a run of the same work goes on with: they hold finished blocks. */
export async function unfinishedOf(target: string): Promise<string[]> {
  const { partial } = await findLeftovers(target)
  const paths: string[] = []
  for (const path of partial.values()) if ((await stateOf(path)) === 'unfinished' && readJournal(path)) paths.push(path)
  return paths
}

/** What these folders take on the disk. */
export async function bytesUnfinished(target: string): Promise<number> {
  let bytes = 0
  for (const folder of await unfinishedOf(target)) bytes += await bytesIn(folder)
  return bytes
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder))
    bytes += 512 * ((await stat(join(folder, name)).catch(() => null))?.blocks ?? 0)
  return bytes
}

/** Removes a folder that nobody goes on with, and says so. */
export async function dropUnfinished(folder: string, path: string): Promise<void> {
  const bytes = await bytesIn(path)
  removeUnfinished(path)
  tellFound(`${folder}: what an interrupted run left unfinished (${amount(bytes)}) is removed`)
}

/**
 * Repairs what killed runs left, while the name is locked: a replacement is completed or undone, a finished folder gets its
 * name, those that were being deleted are removed, and so are unfinished folders without a finished block.
 * @throws UserError that says what was repaired, if the name now refers to another folder
 */
export async function finishInterrupted(folder: string, target: string): Promise<void> {
  const { partial, old, others } = await findLeftovers(target)
  const said: string[] = []
  for (const path of others) await rmdir(path).catch(() => undefined) // goes only where nothing is in it: the end of a deletion
  for (const [id, before] of old) {
    if (await exists(target)) {
      if ((await strangersIn(before))?.length === 0) await removeOwn(before)
      continue
    }
    const after = partial.get(id)
    if (after !== undefined && (await stateOf(after)) === 'complete') {
      removeJournal(after)
      await rename(after, target)
      partial.delete(id)
      if ((await strangersIn(before))?.length === 0) await removeOwn(before)
      said.push('a run was killed while it replaced this folder; the new one is in its place now')
    } else {
      await rename(before, target)
      said.push('a run was killed while it replaced this folder; the one before is in its place again')
    }
  }
  for (const [id, path] of partial) {
    const state = await stateOf(path)
    if (state === null) await removeUnmarked(path)
    if (state === 'unfinished' && !readJournal(path)) await dropUnfinished(folder, path)
    if (state !== 'complete') continue
    removeJournal(path)
    const place = (await exists(target)) ? `${target}.finished-${id}` : target
    await rename(path, place)
    said.push(
      `a run was killed when it was finished; what it wrote is ${place === target ? 'in its place' : place} now`,
    )
  }
  if (said.length)
    throw new UserError(
      `${folder}: ${said.join('; ')}. Nothing else was done: run the command again if you still want the result`,
    )
}
