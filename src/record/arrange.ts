// A results folder brought to a plan: rows in the files where they belong, and their provenance.
import { writeWhole } from '../files/index.js'
import { readText } from '../schema/index.js'
import { type Results, resultPaths, writeMeta, writeRuns, writeTables } from './folder.js'
import type { Environment, Meta } from './meta.js'
import { fittingRows, type Shelf, type SortedRows, type StorePlan } from './reuse.js'
import type { Row } from './row.js'
import type { HeldShards } from './shards.js'
import { putApart, removeRows, termsFrom } from './unused.js'

/** What became of the shards that the folder had. */
export interface Collected {
  shards: number
  /** Number of their rows that stand for runs of the plan now. */
  rows: number
  /** Number of those that do not, and are kept apart. */
  left: number
}

/**
 * Brings the folder to the plan. meta.json is true of every row of runs.csv at every moment, and no row is in no file: rows are
 * put apart before they go, and go before the provenance of the others is written.
 */
export async function arrange(
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
export async function clear(
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
export function metaOf(
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
