// Delta statistics of a pair of checkpoints, and their tables.
export { inspectPair, RANK_LIMIT, type TensorReport, type GroupReport, type InspectOptions } from './inspect.js'
export { statisticsOf, sumPair, type Statistics } from './statistics.js'
export { headLine, reportLine, countText, notesOn, toCsv } from './table.js'
