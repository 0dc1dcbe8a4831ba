// The door for results, `import … from 'deltalab/report'`: rows, tables and figures. It does not load TensorFlow.js.

export { UserError } from './errors/index.js'
export { type Meta, type Results, type Row, readResults, type Term, type View } from './record/index.js'
export {
  type Attribution,
  type Cell,
  type CellValue,
  type CompressionOptions,
  compressionTable,
  type Displayed,
  type Figure,
  type Format,
  figure,
  type MimeBundle,
  printTable,
  type RowSource,
  type Table,
  type TableColumn,
  type TableLine,
  type TableOptions,
  table,
  termsFigure,
} from './report/index.js'
