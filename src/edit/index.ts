// The edit of a pair of checkpoints: the written folder, its model card and its summary.

export { describeExtract } from './carried.js'
export { describeEdit } from './describe.js'
export { checkSteps, type EditCheckpointOptions, type EditSummary, editCheckpoint } from './edit.js'
export { type ExtractOptions, extractAdapter } from './extract.js'
export { openGrams, readInput } from './tensor.js'
