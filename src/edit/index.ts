// The edit of a pair of checkpoints: what it writes and what it says about itself.
export { editCheckpoint, checkSteps, type EditOptions, type EditSummary } from './edit.js'
export { openGrams, type Grams } from './tensor.js'
export { describeEdit } from './describe.js'
export { extractAdapter, type ExtractOptions, type ExtractSummary } from './extract.js'
export { describeExtract } from './carried.js'
