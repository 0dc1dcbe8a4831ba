// How far a sweep is, from its results folder alone, while it is being written by this or another machine. The folder may have
// `shards`: results folders of parts of the plan, each written by a process of its own.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import type { Holder } from '../files/index.js'
import { parseLines } from './csv.js'
import { readMeta, resultPaths } from './folder.js'
import { writerOf } from './lock.js'
import type { Meta } from './meta.js'
import { type Row, rowSchema } from './row.js'
import { openTally, type RowPlace, type Tally } from './tally.js'

/** How far the runs of a plan are. */
export interface Advance {
  /** Runs that are planned, those that have a row, and those of them that failed. */
  planned: number
  done: number
  failed: number
  /** Runs that had a row when the latest start began. */
  found: number
  /** Runs per second since the latest start; null where no process is writing, or no run has ended since. */
  rate: number | null
  /** Seconds that the missing runs take at that rate. */
  left: number | null
}

/** A results folder that one process writes. */
export interface LivePart extends Advance {
  /** `3-of-16` of a shard; empty for the results folder itself. */
  name: string
  /** The process that is writing; one of another machine counts while it gives signs of life. */
  writer: Holder | null
}

/** A sweep as its results folder shows it. */
export interface Live extends Advance {
  folder: string
  experiment: string
  /** The results folder, where it has rows of its own, then its shards. */
  parts: LivePart[]
  /** Whether every planned run has a row, and no process is writing. */
  finished: boolean
  /** The rows that were written last, the newest last: of several parts some of each. */
  recent: Row[]
  /** The failed rows that were written last. */
  failures: Row[]
}

/** Rows of each kind that a look shows. */
const SHOWN = 10

/** Folder of the parts that are written each by a process of its own. */
export const shardsFolder = (folder: string): string => join(folder, 'shards')

/**
 * Follows a results folder: each call of what it returns is a look, and costs what was written since the last one.
 * @param now milliseconds since 1970
 * @returns null while there is no results folder
 */
export function followResults(folder: string, now = Date.now): () => Live | null {
  const tallies = new Map<string, Tally>()
  const look = (name: string, place: string) => {
    const { runs } = resultPaths(place)
    const tally = tallies.get(place) ?? openTally(runs)
    tallies.set(place, tally)
    return lookAt(name, place, tally, now())
  }
  return () => {
    const looks = partsOf(folder).map(({ name, place }) => look(name, place))
    return looks.length ? together(folder, looks) : null
  }
}

/**
 * One look at a results folder.
 * @throws UserError where there is none
 */
export function readLive(folder: string): Live {
  const live = followResults(folder)()
  if (live) return live
  throw new UserError(
    !existsSync(folder)
      ? `${folder} is not there: a sweep writes its results folder once it has checked its inputs`
      : `${folder} is no results folder: it has neither a meta.json nor shards, as deltalab sweep writes them`,
  )
}

/** The places that have a meta.json: a sweep writes it first. */
function partsOf(folder: string): { name: string; place: string }[] {
  const root = shardsFolder(folder)
  const shards = existsSync(root) ? readdirSync(root).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })) : []
  return [{ name: '', place: folder }, ...shards.map((name) => ({ name, place: join(root, name) }))].filter(
    ({ place }) => existsSync(resultPaths(place).meta),
  )
}

interface Look {
  part: LivePart
  meta: Meta
  rows: ReadonlyMap<string, RowPlace>
  recent: Row[]
  failures: Row[]
}

/** A part as it is now. */
function lookAt(name: string, place: string, tally: Tally, now: number): Look {
  const meta = readMeta(place)
  const writer = writerOf(place, now)
  const rows = tally.update()
  const places = [...rows.values()]
  const failures = places.filter(({ failed }) => failed)
  const done = rows.size
  const found = Math.min(meta.latest?.found ?? (meta.finished === null ? 0 : done), done)
  const seconds = (now - Date.parse(meta.latest?.started ?? meta.started)) / 1000
  const rate = writer && done > found && seconds > 0 ? (done - found) / seconds : null
  const part = { name, planned: meta.runs, done, failed: failures.length, found, writer, rate }
  const read = (some: readonly RowPlace[]) =>
    some.length ? parseLines<Row>(rowSchema, tally.textOf(some.slice(-SHOWN)), resultPaths(place).runs, true) : []
  return {
    part: { ...part, left: timeLeft(part) },
    meta,
    rows,
    recent: read(places),
    failures: read(failures),
  }
}

const timeLeft = ({ planned, done, rate }: Omit<Advance, 'left'>): number | null =>
  rate === null ? null : Math.max(0, planned - done) / rate

/** The parts as one sweep. A run that several parts have is counted once, as it is in the one where it succeeded. */
function together(folder: string, looks: readonly Look[]): Live {
  const parts = looks.map(({ part }) => part)
  const failed = new Map<string, boolean>()
  for (const { rows } of looks) for (const [id, place] of rows) failed.set(id, place.failed && (failed.get(id) ?? true))
  const latest = looks.reduce((one, other) => (startOf(other) > startOf(one) ? other : one))
  const sum = (amount: (part: LivePart) => number) => parts.reduce((all, part) => all + amount(part), 0)
  const rates = parts.flatMap(({ rate }) => rate ?? [])
  const whole = {
    planned: latest.meta.whole ?? latest.meta.runs,
    done: failed.size,
    failed: [...failed.values()].filter(Boolean).length,
    found: Math.min(
      sum(({ found }) => found),
      failed.size,
    ),
    rate: rates.length ? rates.reduce((a, b) => a + b) : null,
  }
  // All that is missing goes to the parts that are written now; no sooner is the slowest of them done.
  const lefts = [timeLeft(whole), ...parts.map(({ left }) => left)].flatMap((left) => left ?? [])
  return {
    folder,
    experiment: latest.meta.experiment,
    ...whole,
    left: lefts.length ? Math.max(...lefts) : null,
    parts,
    finished: whole.done >= whole.planned && parts.every(({ writer }) => !writer),
    recent: lastOf(looks.map(({ recent }) => recent)),
    failures: lastOf(looks.map(({ failures }) => failures.filter(({ id }) => failed.get(id)))),
  }
}

/** The last rows of several lists: the last of each, before them the second last of each, and so on. */
function lastOf(lists: readonly (readonly Row[])[]): Row[] {
  const rows: Row[] = []
  for (let back = SHOWN; back > 0; back--) rows.push(...lists.flatMap((list) => list.at(-back) ?? []))
  return rows.slice(-SHOWN)
}

const startOf = ({ meta }: Look): string => meta.latest?.started ?? meta.started
