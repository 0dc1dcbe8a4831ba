// Merges checkpoints as a YAML file says, mergekit's or our own: plan from headers, then one tensor at a time.

export { describeMerge, type Estimate, estimateMerge } from './describe.js'
export { mergeCheckpoints, type WriteMergeOptions } from './merge.js'
export { methodNames } from './mergekit.js'
export { type MergeModel, type MergeModels, openMergeModels } from './open.js'
export { type MergePlan, type MergeSource, planMerge, type TensorMerge } from './plan.js'
export { type MergeFile, mergeSchema } from './schema.js'
export { drawKey, editPart, toDelta, wantsDeltas } from './tensor.js'
export { chooseTokenizer } from './tokenizer.js'
