// Delta statistics of a pair of checkpoints, and their tables.
export { type GroupReport, inspectPair, type TensorReport } from './inspect.js'
export { type Statistics, statisticsOf } from './statistics.js'
export { countText, headLine, LEGEND, notesOn, reportLine, toCsv } from './table.js'
