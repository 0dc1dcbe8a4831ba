// Reports in files: table.md, table.tex, table.csv, of runs that measure the divergence compression.*, and every figure as SVG and PNG.
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { prepareFolder, writeWhole } from '../files/index.js'
import type { View } from '../record/index.js'
import { compressionTables, makeCompressionTable } from './compression.js'
import { lackOf } from './compression-notes.js'
import { doubtsOf } from './doubts.js'
import { drawFigure, type Figure } from './figure.js'
import { legendOf } from './legend.js'
import { printTable } from './print.js'
import { type FigureSource, type ReportSource, readSource } from './source.js'
import { makeTable, reportTable } from './table.js'
import { printForTerminal } from './terminal.js'
import { type Attribution, drawTerms } from './terms.js'

/** What `writeReport` wrote. */
export interface Report {
  /** The table for a terminal, with a legend. */
  table: string
  /** What makes one doubt the rows, in sentences. */
  doubts: string[]
  /** Path of table.md. */
  markdown: string
  /** Paths of the figures, SVG before PNG. */
  figures: string[]
  /** Every path written. */
  files: string[]
}

/**
 * Writes table.md, table.tex, table.csv and each figure as SVG and PNG into a results folder, and compression.* where runs measure
 * the divergence from post. Each file is written whole or not at all.
 * @param columns of the terminal; without it tables are as wide as they are
 */
export async function writeReport(folder: string, columns = Infinity): Promise<Report> {
  const source = await readSource(folder)
  const table = reportTable(source)
  const files: string[] = []
  for (const format of ['md', 'tex', 'csv'] as const) {
    const path = join(folder, `table.${format}`)
    files.push(path)
    const shown = format === 'csv' ? makeTable(source.rows, source.title, {}, source.order) : table
    await writeWhole(path, printTable(shown, format))
  }
  if (lackOf(source.rows).length === 0) files.push(...(await writeCompression(folder, source)))
  const { paths, problems } = await drawAll(folder, source)
  const shown = printForTerminal(table, legendOf(table, source.rows), columns)
  const text = [shown, ...problems.map((problem) => `${problem}\n`)].join('\n')
  return {
    table: text,
    doubts: doubtsOf(source.rows),
    markdown: files[0]!,
    figures: paths,
    files: [...files, ...paths],
  }
}

/** Writes compression.md, compression.tex and compression.csv: the table of runs that measure the divergence from post. */
async function writeCompression(folder: string, { rows, title, order }: ReportSource): Promise<string[]> {
  const paths: string[] = []
  for (const format of ['md', 'tex', 'csv'] as const) {
    const tables =
      format === 'csv'
        ? [makeCompressionTable(rows, title, { separate: true }, order)]
        : compressionTables(rows, title, order)
    const path = join(folder, `compression.${format}`)
    await writeWhole(path, tables.map((table) => printTable(table, format)).join('\n'))
    paths.push(path)
  }
  return paths
}

/** Draws every view that can be drawn. A view without data does not stop the others. */
async function drawAll(folder: string, source: ReportSource): Promise<{ paths: string[]; problems: string[] }> {
  const paths: string[] = []
  const problems: string[] = []
  for (const i of source.views.keys()) {
    try {
      paths.push(...(await writeView(folder, source, i)))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      problems.push(`Figure ${nameOfView(source, i)}: ${error.message}`)
    }
  }
  return { paths, problems }
}

const nameOfView = ({ views }: ReportSource, i: number): string =>
  views[i]!.name ?? (i === 0 ? 'figure' : `figure-${i + 1}`)

async function writeView(folder: string, source: ReportSource, i: number): Promise<string[]> {
  const view = { ...source.views[i], name: nameOfView(source, i) }
  return writeFigure(folder, await source.ofView(i, () => drawFigure(source, view)))
}

/** Draws the views of the config into `<folder>/<name>.svg` and `.png`; returns their paths. Names: `figure`, then `figure-2`, … */
export async function writeFigures(folder: string, source: ReportSource): Promise<string[]> {
  const paths: string[] = []
  for (const i of source.views.keys()) paths.push(...(await writeView(folder, source, i)))
  return paths
}

/** Draws one view into `<folder>/<name>.svg` and `.png`; returns their paths. */
export const writeDrawn = async (folder: string, source: FigureSource, view: Partial<View>): Promise<string[]> =>
  writeFigure(folder, await drawFigure(source, view))

async function writeFigure(folder: string, { name, svg, png }: Figure): Promise<string[]> {
  const made = await prepareFolder(folder)
  const paths = { svg: join(folder, `${name}.svg`), png: join(folder, `${name}.png`) }
  try {
    await writeWhole(paths.svg, svg)
    await writeWhole(paths.png, png)
  } catch (error) {
    // What was written stays, and with it the folder.
    if (made) await rmdir(folder).catch(() => undefined)
    throw error
  }
  return [paths.svg, paths.png]
}

/** Draws the bars of one attribution into `<folder>/terms.svg` and `.png`; returns their paths. */
export async function writeTerms(folder: string, attribution: Attribution): Promise<string[]> {
  return writeFigure(folder, await drawTerms(attribution))
}
