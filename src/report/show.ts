// Tables and figures from code: each is plain data that a notebook shows as a table or a picture.
import type { View } from '../record/index.js'
import { type CompressionOptions, makeCompressionTable } from './compression.js'
import { type Displayed, displayed } from './display.js'
import { drawFigure, type Figure } from './figure.js'
import { printTable } from './print.js'
import { type RowSource, reportSource } from './source.js'
import { makeTable, reportTable, type Table, type TableOptions } from './table.js'
import { type Attribution, drawTerms } from './terms.js'

/**
 * A table of means over seeds, one line per edit. Without options it is the table that `deltalab sweep` prints. A notebook shows it
 * as Markdown.
 *
 * @param source results of `readResults` or `sweep`, or rows alone
 * @param options columns that name a line, measures, a column whose values stand across, rows to keep
 * @throws UserError with the nearest name for an unknown column
 */
export function table(source: RowSource, options?: TableOptions): Table & Displayed {
  const found = reportSource(source)
  const made = options ? makeTable(found.rows, options.title ?? found.title, options, found.order) : reportTable(found)
  return shownTable(made)
}

/**
 * A table of what each bit of a delta buys, one line per edit with the fewest bits first: bits per parameter, relative error of the
 * delta, divergence from the post-trained model, scores. A notebook shows it as Markdown.
 *
 * @param source results of `readResults` or `sweep`, or rows alone
 * @param options rows to keep, options to choose on validation items, and whether each option has a column of its own
 * @throws UserError with the nearest name for an unknown column
 */
export function compressionTable(source: RowSource, options?: CompressionOptions): Table & Displayed {
  const { rows, title, order } = reportSource(source)
  return shownTable(makeCompressionTable(rows, title, options, order))
}

/**
 * Draws one figure as SVG text and PNG bytes. Equal rows give equal bytes on every machine. A notebook shows it as a picture.
 *
 * @param source results of `readResults` or `sweep`, or rows alone
 * @param view keys of the `report` section of an experiment (`kind`, `x`, `y`, `series`, `columns`, `rows`, `where`, …);
 *   what is left out is chosen from the rows. Without a view: the first figure of the experiment.
 * @throws UserError for an unknown column, or when no row has something to draw
 */
export async function figure(source: RowSource, view?: Partial<View>): Promise<Figure & Displayed> {
  const { views, ofView, ...rest } = reportSource(source)
  return shownFigure(await (view ? drawFigure(rest, view) : ofView(0, () => drawFigure(rest, views[0]))))
}

/**
 * Draws the per-tensor terms of one edit as bars, largest first: the tensors that cause its loss change.
 *
 * @param attribution row and terms, as `attribute` returns them
 * @throws UserError when there are no terms
 */
export async function termsFigure(attribution: Attribution): Promise<Figure & Displayed> {
  return shownFigure(await drawTerms(attribution))
}

const shownTable = (made: Table) =>
  displayed(made, () => {
    const text = printTable(made)
    return { 'text/markdown': text, 'text/plain': text }
  })

const shownFigure = (made: Figure) =>
  displayed(made, () => ({
    'image/svg+xml': made.svg,
    'image/png': Buffer.from(made.png).toString('base64'),
    'text/plain': `[figure ${made.name}]`,
  }))
