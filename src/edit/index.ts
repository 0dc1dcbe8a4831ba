// The edit of a pair of checkpoints: what it writes and what it says about itself.

export { describeExtract } from './carried.js'
export { describeEdit } from './describe.js'
export { checkSteps, type EditCheckpointOptions, type EditSummary, editCheckpoint } from './edit.js'
export { extractAdapter } from './extract.js'
export { openGrams, readInput } from './tensor.js'
