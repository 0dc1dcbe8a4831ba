// What reports are made from: the rows of a results folder, with the title, the views and the order of words of its config.
import { join } from 'node:path'
import { z } from 'zod'
import { UserError, within } from '../errors/index.js'
import { tellFound } from '../files/index.js'
import {
  holdsRows,
  type Results,
  type Row,
  readResults,
  readWithoutTerms,
  shardFolder,
  shardsIn,
  type Term,
  type View,
  viewSchema,
} from '../record/index.js'
import { parseYaml } from '../yaml/index.js'
import { type Order, orderOf } from './groups.js'

/** What the figures of a folder share. */
export interface FigureSource {
  rows: readonly Row[]
  terms: readonly Term[]
  /** Order of the words in the config. */
  order: Order
  title: string
  /** Options that the editors of plugins name for the x axis; none unless given. */
  axes?: readonly string[]
}

/** What a report shows. */
export interface ReportSource extends FigureSource {
  /** Views of the config; one that leaves everything open where it has none. */
  views: View[]
  /** Does work with one of the views, by its number; errors name its line in the config. */
  ofView<T>(index: number, work: () => T): T
}

/** What tables and figures are made from: the results of `readResults` or `sweep`, or rows alone. */
export type RowSource = Results | readonly Row[]

/**
 * Checks a view that was typed or stored.
 * @param source where it comes from, for the message
 * @throws UserError that names the key
 */
export function parseView(view: unknown, source: string): View {
  const checked = viewSchema.safeParse(view)
  if (checked.success) return checked.data
  const { path, message } = checked.error.issues[0]!
  throw new UserError(`${source}: ${path.join('.')} ${message}`)
}

/** The part of a config that reports read. */
const reportConfig = z.looseObject({
  title: z.string().nullish(),
  report: z.union([viewSchema, z.array(viewSchema)]).prefault({}),
})

/** Reads a results folder. Throws a UserError when it is not one, or when the report section of its config is wrong. */
export const readSource = async (folder: string, withTerms = true): Promise<ReportSource> =>
  reportSource(withTerms ? await readResults(folder) : readWithoutTerms(folder))

/** Results folders, and their shards where they have some with rows. The rows of shards count before a sweep has collected them. */
export async function withShards(folders: readonly string[]): Promise<string[]> {
  const all: string[] = []
  for (const folder of folders) {
    const shards = (await shardsIn(folder)).map((shard) => shardFolder(folder, shard)).filter(holdsRows)
    if (shards.length)
      tellFound(
        `${folder}: its shards are not collected; their rows are read, too. deltalab sweep with its config collects them`,
      )
    all.push(...(holdsRows(folder) || !shards.length ? [folder] : []), ...shards)
  }
  return all
}

/**
 * Reads results folders, and their shards, as one: of parts of an experiment that ran on several machines. A run that several have is taken once, where it
 * succeeded. Title, views and order of words are those of the first folder, which the others add to.
 * @param folders at least one
 * @param withTerms whether the terms of tensors are wanted
 */
export const readTogether = async (folders: readonly string[], withTerms = true): Promise<ReportSource> =>
  joinSources(await Promise.all((await withShards(folders)).map((folder) => readSource(folder, withTerms))))

/** A results folder and its shards as one, without terms; origins and config are those of the first that there is. */
export async function readWhole(folder: string): Promise<Results> {
  const parts = (await withShards([folder])).map(readWithoutTerms)
  return { ...parts[0]!, rows: joinRows(parts) }
}

/** The rows of several folders; of a run that several have, the one that succeeded. */
function joinRows(parts: readonly Pick<FigureSource, 'rows'>[]): Row[] {
  const rows = new Map<string, Row>()
  for (const row of parts.flatMap((part) => part.rows)) if (rows.get(row.id)?.status !== 'ok') rows.set(row.id, row)
  return [...rows.values()]
}

/** Results folders as one, as `readTogether` joins them. */
export function joinSources(sources: readonly ReportSource[]): ReportSource {
  const terms = new Map(sources.flatMap((source) => source.terms).map((term) => [`${term.run} ${term.tensor}`, term]))
  const order = new Map<string, number>()
  for (const word of sources.flatMap((source) => [...source.order.keys()]))
    if (!order.has(word)) order.set(word, order.size)
  return {
    ...sources[0]!,
    title: [...new Set(sources.map(({ title }) => title))].join(' · '),
    rows: joinRows(sources),
    terms: [...terms.values()],
    order,
    axes: [...new Set(sources.flatMap(({ axes = [] }) => axes))],
  }
}

/** Results with the title and the views of their config; rows alone are called by their experiment and have no views. */
export function reportSource(source: RowSource): ReportSource {
  if (!('meta' in source))
    return {
      rows: source,
      terms: [],
      order: new Map(),
      title: source[0]?.experiment ?? '',
      views: [],
      ofView: (_, work) => work(),
    }
  const { folder, rows, terms, meta, config } = source
  const file = join(folder, 'config.yaml')
  const {
    value: { title, report },
    locate,
  } = parseYaml(config, file, reportConfig)
  // A checked value has its keys in the order of the schema; tables keep the order of the file.
  const order = orderOf(parseYaml(config, file, z.unknown()).value)
  const axes = (meta.plugins ?? []).flatMap(({ editors }) => Object.values(editors).flatMap(({ axis }) => axis ?? []))
  return {
    rows,
    terms,
    order,
    title: title ?? meta.experiment,
    views: [report].flat(),
    ofView: (index, work) => locate(() => within(Array.isArray(report) ? ['report', index] : ['report'], work)),
    axes,
  }
}
