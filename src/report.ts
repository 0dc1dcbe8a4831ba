// The door for results, `import … from 'deltalab/report'`: rows, tables and figures. It does not load TensorFlow.js.

export { figure, printTable, type RowSource, table } from './api/results.js'
export { UserError } from './errors/index.js'
export { type Meta, type Results, type Row, readResults, type Term, type View } from './record/index.js'
export type { Figure, Format, Table, TableOptions } from './report/index.js'
