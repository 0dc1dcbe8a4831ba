// The edit of a pair of checkpoints: the written folder, its model card and its summary.

export { editApart, editNeedsBackend } from './apart.js'
export { describeExtract } from './carried.js'
export { describeEdit } from './describe.js'
export { type EditSummary, editCheckpoint } from './edit.js'
export { type EditEstimate, estimateEdit, forecastEdit } from './estimate.js'
export { type ExtractOptions, extractAdapter } from './extract.js'
export { checkSteps, type EditCheckpointOptions } from './options.js'
export { openGrams, readInput } from './tensor.js'
export { writeEdit } from './write.js'
