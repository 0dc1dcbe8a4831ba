// Rows of a sweep as tables and figures, from code. Nothing here needs the weights or TensorFlow.js.
import type { Results, Row, View } from '../record/index.js'
import {
  drawFigure,
  type Figure,
  type Format,
  makeTable,
  printTable as printAs,
  type Shown,
  shownOf,
  type Table,
  type TableOptions,
  tableOf,
} from '../report/index.js'

/** What tables and figures are made from: the results of `readResults` or `sweep`, or rows alone. */
export type RowSource = Results | readonly Row[]

const isResults = (source: RowSource): source is Results => 'meta' in source

function shown(source: RowSource): Shown {
  if (isResults(source)) return shownOf(source)
  return { rows: source, terms: [], order: new Map(), title: source[0]?.experiment ?? '', views: [] }
}

/**
 * A table of means over seeds, one line per edit. Without options it is the table that `deltalab sweep` prints.
 *
 * @param options columns that name a line, measures, a column whose values stand across, rows to keep
 * @throws UserError with the nearest name for an unknown column
 */
export function table(source: RowSource, options?: TableOptions): Table {
  const found = shown(source)
  return options ? makeTable(found.rows, found.title, options, found.order) : tableOf(found)
}

/** A table as Markdown, LaTeX (booktabs) or CSV with full numbers. The text ends in a line break. */
export const printTable = (made: Table, format: Format = 'md'): string => printAs(made, format)

/**
 * Draws one figure as SVG text and PNG bytes. Equal rows give equal bytes on every machine.
 *
 * @param view keys of the `report` section of an experiment (`kind`, `x`, `y`, `series`, `columns`, `rows`, `where`, …);
 *   what is left out is chosen from the rows. Without a view: the first figure of the experiment.
 * @throws UserError for an unknown column, or when no row has something to draw
 */
export async function figure(source: RowSource, view?: Partial<View>): Promise<Figure> {
  const { views, ...rest } = shown(source)
  return drawFigure(rest, view ?? views[0] ?? {})
}
