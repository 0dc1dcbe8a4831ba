// Rows → groups, tables, figures. Works from a results folder alone, on a machine that never saw the weights; never imports
// TensorFlow.js.
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { prepareFolder, writeWhole } from '../files/index.js'
import { type Results, type Row, readResults, type Term, type View, viewSchema } from '../record/index.js'
import { parseYaml } from '../schema/index.js'
import { barSpec } from './bar.js'
import { drawFigure, type Figure, type Source } from './figure.js'
import { orderOf } from './groups.js'
import { figureOptions } from './options.js'
import { printTable } from './print.js'
import { renderPng, renderSvg } from './render.js'
import { makeTable, type TableOptions } from './table.js'

export { drawFigure, type Figure, type Source, specOf } from './figure.js'
export { type Group, type Grouping, groupRows, type Mean, meanOf } from './groups.js'
export { type Format, printTable } from './print.js'
export { selectRows } from './select.js'
export { makeTable, type Table, type TableOptions } from './table.js'

export interface Report {
  /** The table for a terminal. */
  table: string
  /** Path of table.md. */
  markdown: string
  /** Paths of the figures, SVG before PNG. */
  figures: string[]
  /** Every path written. */
  files: string[]
}

export interface Shown extends Source {
  /** Views of the config; one that leaves everything open where it has none. */
  views: View[]
}

/** A view that was typed or stored; `source` says where. Throws a UserError that names the key. */
export function parseView(view: unknown, source: string): View {
  const checked = viewSchema.safeParse(view)
  if (checked.success) return checked.data
  const { path, message } = checked.error.issues[0]!
  throw new UserError(`${[source, ...path].join('.')}: ${message}`)
}

/** What is read of the config that made the rows. */
const Shows = z.looseObject({
  title: z.string().nullish(),
  report: z.union([viewSchema, z.array(viewSchema)]).prefault({}),
})

/** What a results folder is to show. Throws a UserError when it is not one, or when its report section is wrong. */
export const readSource = async (folder: string): Promise<Shown> => shownOf(await readResults(folder))

/** What results are to show. Throws a UserError when the report section of their config is wrong. */
export function shownOf({ folder, rows, terms, meta, config }: Results): Shown {
  const file = join(folder, 'config.yaml')
  const { value } = parseYaml(config, file, Shows)
  const { title, report } = value
  return { rows, terms, order: orderOf(value), title: title ?? meta.experiment, views: [report].flat() }
}

/** A table longer than this is hard to read: the x axis of the first figure goes across. */
const LONG = 40

/** The table of a folder: a line per edit, or where these are many, the measure of the first view across its x; of merges, tasks across. */
export function tableOf({ rows, title, order, views }: Shown) {
  if (rows.length > 0 && rows.every((row) => row.merger !== null))
    return makeTable(rows, title, { across: 'task' }, order)
  const long = makeTable(rows, title, {}, order)
  const view = views[0]
  if (long.lines.length <= LONG || view === undefined) return long
  const options: TableOptions = {
    across: figureOptions(rows, view).x,
    columns: [view.y ?? []].flat().slice(0, 1),
    where: view.where,
    select: [view.select ?? []].flat(),
  }
  return makeTable(rows, title, options.columns!.length ? options : { ...options, columns: undefined }, order)
}

/** Writes table.md, table.tex, table.csv and each figure as SVG and PNG into a results folder; whole files or none. */
export async function writeReport(folder: string): Promise<Report> {
  const source = await readSource(folder)
  const table = tableOf(source)
  const files: string[] = []
  for (const format of ['md', 'tex', 'csv'] as const) {
    files.push(join(folder, `table.${format}`))
    await writeWhole(
      files.at(-1)!,
      printTable(format === 'csv' ? makeTable(source.rows, source.title, {}, source.order) : table, format),
    )
  }
  const { paths, problems } = await drawAll(folder, source)
  const text = [printTable(table, 'md'), ...problems.map((problem) => `${problem}\n`)].join('\n')
  return { table: text, markdown: files[0]!, figures: paths, files: [...files, ...paths] }
}

/** Every view that can be drawn; a measure that no run has is no reason to lose the others. */
async function drawAll(folder: string, source: Shown): Promise<{ paths: string[]; problems: string[] }> {
  const paths: string[] = []
  const problems: string[] = []
  for (const [i, view] of namedViews(source.views).entries()) {
    try {
      paths.push(...(await writeFigures(folder, source, [view])))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      problems.push(`Figure ${view.name ?? i + 1}: ${error.message}`)
    }
  }
  return { paths, problems }
}

const namedViews = (views: readonly Partial<View>[]) =>
  views.map((view, i) => ({ ...view, name: view.name ?? (i === 0 ? 'figure' : `figure-${i + 1}`) }))

/** Draws each view into `<folder>/<name>.svg` and `.png`; returns their paths. Names: `figure`, then `figure-2`, … */
export async function writeFigures(folder: string, source: Source, views: readonly Partial<View>[]): Promise<string[]> {
  const paths: string[] = []
  for (const view of namedViews(views)) paths.push(...(await writePair(folder, await drawFigure(source, view))))
  return paths
}

async function writePair(folder: string, { name, svg, png }: Figure): Promise<string[]> {
  await prepareFolder(folder)
  const paths = [join(folder, `${name}.svg`), join(folder, `${name}.png`)]
  await writeWhole(paths[0]!, svg)
  await writeWhole(paths[1]!, png)
  return paths
}

/** Bars of the per-tensor terms of one run: `<folder>/terms.svg` and `.png`; returns their paths. */
export async function writeBarChart(folder: string, row: Row, terms: readonly Term[]): Promise<string[]> {
  if (terms.length === 0) throw new UserError('nothing to draw: the edit changed no tensor')
  const svg = await renderSvg(barSpec(row, terms))
  return writePair(folder, { name: 'terms', svg, png: renderPng(svg) })
}
