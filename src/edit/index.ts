// The edit of a pair of checkpoints: what it writes and what it says about itself.

export { describeExtract } from './carried.js'
export { describeEdit } from './describe.js'
export { checkSteps, type EditCheckpointOptions, type EditSummary, editCheckpoint } from './edit.js'
export { type ExtractOptions, type ExtractSummary, extractAdapter } from './extract.js'
export { type Grams, openGrams, readInput } from './tensor.js'
