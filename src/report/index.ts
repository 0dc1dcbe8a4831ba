// Rows → groups, tables, figures. Works from a results folder alone, on a machine that never saw the weights; never imports
// TensorFlow.js.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { UserError } from '../errors/index.js'
import type { Row, Term } from '../record/row.js'
import { readResults } from '../record/store.js'
import { viewSchema, type View } from '../record/view.js'
import { attempt, writeWhole } from '../record/write.js'
import { barSpec } from './bar.js'
import { drawFigure, type Figure, type Source } from './figure.js'
import { orderOf } from './groups.js'
import { renderPng, renderSvg } from './render.js'
import { makeTable, printTable } from './table.js'

export { drawFigure, specOf, type Figure, type Source } from './figure.js'
export { groupRows, meanOf, type Group, type Grouping, type Mean } from './groups.js'
export { makeTable, printTable, type Format, type Table, type TableOptions } from './table.js'

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

/** What a results folder is to show. Throws a UserError when it is not one, or when its report section is wrong. */
export async function readSource(folder: string): Promise<Shown> {
  const { rows, terms, meta, config } = await readResults(folder)
  const { title, report } = (parse(config) ?? {}) as { title?: string; report?: unknown }
  const views = [report ?? {}].flat().map((view) => {
    const checked = viewSchema.safeParse(view)
    if (checked.success) return checked.data
    const { path, message } = checked.error.issues[0]
    throw new UserError(`${join(folder, 'config.yaml')}: report${path.length ? `.${path.join('.')}` : ''}: ${message}`)
  })
  return { rows, terms, order: orderOf(config), title: title ?? meta.experiment, views }
}

/** Writes table.md, table.tex, table.csv and each figure as SVG and PNG into a results folder; whole files or none. */
export async function writeReport(folder: string): Promise<Report> {
  const { views, ...source } = await readSource(folder)
  const table = makeTable(source.rows, source.title, {}, source.order)
  const files: string[] = []
  for (const format of ['md', 'tex', 'csv'] as const) {
    files.push(join(folder, `table.${format}`))
    await writeWhole(files.at(-1)!, printTable(table, format))
  }
  // A sweep of which every run failed has a table that says so, and no figure.
  const figures = source.rows.some((row) => row.status === 'ok') ? await writeFigures(folder, source, views) : []
  return { table: printTable(table, 'md'), markdown: files[0], figures, files: [...files, ...figures] }
}

/** Draws each view into `<folder>/<name>.svg` and `.png`; returns their paths. Names: `figure`, then `figure-2`, … */
export async function writeFigures(folder: string, source: Source, views: readonly Partial<View>[]): Promise<string[]> {
  const paths: string[] = []
  for (const [i, view] of views.entries()) {
    const name = view.name ?? (i === 0 ? 'figure' : `figure-${i + 1}`)
    paths.push(...await writePair(folder, await drawFigure(source, { ...view, name })))
  }
  return paths
}

async function writePair(folder: string, { name, svg, png }: Figure): Promise<string[]> {
  await attempt(folder, () => mkdir(folder, { recursive: true }))
  const paths = [join(folder, `${name}.svg`), join(folder, `${name}.png`)]
  await writeWhole(paths[0], svg)
  await writeWhole(paths[1], png)
  return paths
}

/** Bars of the per-tensor terms of one run: `<folder>/terms.svg` and `.png`; returns their paths. */
export async function writeBarChart(folder: string, row: Row, terms: readonly Term[]): Promise<string[]> {
  if (terms.length === 0) throw new UserError('nothing to draw: the edit changed no tensor')
  const svg = await renderSvg(barSpec(row, terms))
  return writePair(folder, { name: 'terms', svg, png: renderPng(svg) })
}
