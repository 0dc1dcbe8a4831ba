// Measures one run (an edit or a merge of a pair of checkpoints → its row and terms), or one model alone.
export { attributeEdit, namedEdit } from './attribute.js'
export { type LoadedPair, loadPair, type Measures, openTasks, type PairTasks } from './loaded-pair.js'
export { type Evaluation, measureModel } from './measure-model.js'
export { type KeptIn, keepIn, keptIn, openMeasured } from './measured.js'
export { measureData } from './merger-data.js'
export { measureReference, type Reference } from './reference.js'
export { type Finished, failedRow, plannedColumns } from './row.js'
export { executeRun } from './run.js'
