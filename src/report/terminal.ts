// A table for a terminal: what is too wide stands in blocks, each with the columns that name a line.
import { columnLines, sentence } from './print.js'
import type { Table } from './table.js'

/**
 * The table with its notes and this legend below; ends in a line break.
 * @param columns of the terminal; infinite where the text goes elsewhere
 */
export function printForTerminal(table: Table, legend: readonly string[], columns: number): string {
  const blocks = blocksOf(table, columns).map((block) => columnLines(block).join('\n'))
  return [`**${table.title}**`, '', blocks.join('\n\n'), '', ...table.notes.map(sentence), ...legend, ''].join('\n')
}

/** The measures in as few blocks as fit; one of them at least in each. */
function blocksOf(table: Table, columns: number): Table[] {
  const part = (from: number, to: number): Table => ({
    ...table,
    columns: table.columns.slice(from, to),
    lines: table.lines.map((line) => ({ ...line, cells: line.cells.slice(from, to) })),
  })
  const fits = (block: Table) => columnLines(block)[0]!.length <= columns
  const blocks: Table[] = []
  for (let from = 0, to = 1; from < Math.max(1, table.columns.length); from = to) {
    to = from + 1
    while (to < table.columns.length && fits(part(from, to + 1))) to++
    blocks.push(part(from, to))
  }
  return blocks
}
