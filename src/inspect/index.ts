export { inspectPair, RANK_LIMIT, type TensorReport, type GroupReport, type InspectOptions } from './inspect.js'
export { statisticsOf, sumPair, type Statistics } from './statistics.js'
export { headLine, reportLine, countText, toCsv } from './table.js'
