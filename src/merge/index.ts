// Merges checkpoints as a YAML file says, mergekit's or our own: plan from headers, then one tensor at a time.

export { type Estimate, forecastMerge } from './describe.js'
export { type MergeSummary, writeMerge } from './file.js'
export { mergeJsonSchema } from './json-schema.js'
export { holdsThread, mergeCheckpoints, needsBackend } from './merge.js'
export { methods } from './mergekit.js'
export { openMerge } from './opened.js'
export type { MergePlan } from './plan.js'
export { type LocatedMerge, locateMerge, readMergeFile } from './read.js'
export { type MergeFile, mergeSchema } from './schema.js'
export { drawKey, editPart, toDelta, wantsDeltas } from './tensor.js'
