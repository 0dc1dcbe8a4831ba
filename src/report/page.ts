// Results folders → one HTML page that stands alone: tables, figures and provenance, with the rows inside. The page is made at build
// time (src/page); here it is given its data.
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { COLUMNS, type Meta, type Results, type Row, readResults, type Term, type View } from '../record/index.js'
import { makeCompressionTable } from './compression.js'
import { lackOf } from './compression-notes.js'
import { doubtsOf } from './doubts.js'
import type { CellValue } from './groups.js'
import { legendOf } from './legend.js'
import { type PackedRecords, packRecords } from './pack.js'
import { cellValue, sentence, textCells } from './print.js'
import { findReadme, readmeHtml } from './readme.js'
import { joinSources, type ReportSource, reportSource, withShards } from './source.js'
import { reportTable, type Table } from './table.js'

/** What the page shows. */
export interface PageData {
  title: string
  experiments: PackedExperiment[]
  /** The page loads itself again after so many seconds; null for a page that stays as it is. */
  refresh: number | null
}

/** One experiment as the page holds it. */
export interface PackedExperiment {
  name: string
  title: string
  /** Its README as HTML; null without one. */
  readme: string | null
  folders: PageFolder[]
  doubts: string[]
  tables: PageTable[]
  views: View[]
  axes: string[]
  /** Words of the config in their order. */
  order: string[]
  rows: PackedRecords
  terms: PackedRecords
}

/** Where rows come from. */
interface PageFolder {
  folder: string
  meta: Meta
  /** Text of config.yaml. */
  config: string
}

/** A table of means. */
export interface PageTable {
  title: string
  headings: string[]
  /** What a cell shows, and what it is sorted and filtered by. */
  lines: { text: string; value: CellValue }[][]
  notes: string[]
}

/** What a page is made with. */
export interface PageOptions {
  /** Seconds after which the page loads itself again. */
  refresh?: number
}

/**
 * One page of results folders. Folders of one experiment are read as one, as `readTogether` does.
 * @throws UserError when one is not a results folder
 */
export async function makePage(folders: readonly string[], { refresh }: PageOptions = {}): Promise<string> {
  const byName = new Map<string, Results[]>()
  for (const folder of await withShards(folders)) {
    const results = await readResults(folder)
    const name = results.meta.experiment
    byName.set(name, [...(byName.get(name) ?? []), results])
  }
  const experiments = await Promise.all([...byName].map(([name, parts]) => packExperiment(name, parts)))
  const title = experiments.map((experiment) => experiment.title).join(' · ')
  const data: PageData = { title, experiments, refresh: refresh ?? null }
  const packed = await promisify(gzip)(JSON.stringify(data), { level: 6 })
  const page = await readFile(new URL('./page.html', import.meta.url), 'utf8')
  return page
    .replaceAll('<!--title-->', () => escapeHtml(title))
    .replace('<!--data-->', () => packed.toString('base64'))
}

async function packExperiment(name: string, parts: readonly Results[]): Promise<PackedExperiment> {
  const source = joinSources(parts.map(reportSource))
  const { rows, terms, title, views, axes = [], order } = source
  const readme = parts.map(({ folder }) => findReadme(folder, name)).find((text) => text !== null)
  const compression = lackOf(rows).length === 0 ? [makeCompressionTable(rows, title, {}, order)] : []
  return {
    name,
    title,
    readme: readme == null ? null : await readmeHtml(readme),
    folders: parts.map(({ folder, meta, config }) => ({ folder, meta, config })),
    doubts: doubtsOf(rows),
    tables: [reportTable(source), ...compression].map((table) => pageTable(table, source)),
    views,
    axes: [...axes],
    order: [...order.keys()],
    rows: packRecords<Row>(rows, COLUMNS),
    terms: packRecords<Term>(terms, ['run', 'tensor', 'role', 'parameters', 'edit_norm', 'term', 'delta_norm']),
  }
}

function pageTable(table: Table, { rows }: ReportSource): PageTable {
  const { head, body } = textCells(table)
  return {
    title: table.title,
    headings: head,
    lines: table.lines.map(({ keys, runs, cells }, i) => {
      const counted = head.length - keys.length - cells.length
      const values = [
        ...keys,
        ...(counted ? [runs] : []),
        ...cells.map((cell, j) => cellValue(cell, table.columns[j]!)),
      ]
      return body[i]!.map((text, j) => ({ text, value: values[j] ?? null }))
    }),
    notes: [...table.notes.map(sentence), ...legendOf(table, rows)],
  }
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0)};`)
