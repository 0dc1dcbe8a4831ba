// Rows → groups, tables, figures. Works from a results folder alone, on a machine that never saw the weights; never imports
// TensorFlow.js.
export { compareResults } from './compare.js'
export { type CompressionOptions, makeCompressionTable } from './compression.js'
export { lackOf } from './compression-notes.js'
export type { Displayed, MimeBundle } from './display.js'
export { doubtsOf } from './doubts.js'
export { type Figure, pageSpec } from './figure.js'
export { FONT_FAMILY, measureTextBy } from './font.js'
export { type CellValue, identityColumns, readerOf } from './groups.js'
export { lossUnit } from './items.js'
export { classWords, legendOf } from './legend.js'
export { encodeParquet, listRows, printRows, tellingColumns } from './list.js'
export { packRecords, unpackRecords } from './pack.js'
export { makePage, type PackedExperiment, type PageData, type PageTable } from './page.js'
export { checkPageFile, writePage } from './page-file.js'
export { type Format, printTable } from './print.js'
export { compressionTable, figure, table, termsFigure } from './show.js'
export { type FigureSource, parseView, type RowSource, readSource, readTogether, readWhole } from './source.js'
export type { SeriesStyle } from './style.js'
export {
  type Cell,
  makeTable,
  reportTable,
  type Table,
  type TableColumn,
  type TableLine,
  type TableOptions,
} from './table.js'
export { printForTerminal } from './terminal.js'
export type { Attribution } from './terms.js'
export { whereRows } from './where.js'
export { significant, wordsOf } from './words.js'
export { writeDrawn, writeFigures, writeReport, writeTerms } from './write.js'
