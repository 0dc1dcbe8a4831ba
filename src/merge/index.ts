// Merges checkpoints as a YAML file says, mergekit's or our own: plan from headers, then one tensor at a time.
export { mergeSchema, type MergeFile } from './schema.js'
export { openModels, type Model, type Models } from './open.js'
export { planMerge, type MergePlan, type TensorMerge } from './plan.js'
export { mergeCheckpoints, type MergeOptions } from './merge.js'
export { describeMerge, estimateMerge, type Estimate } from './describe.js'
export { chooseTokenizer } from './tokenizer.js'
export { methodNames } from './mergekit.js'
