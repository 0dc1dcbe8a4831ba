// Experiments: a YAML file → typed, checked and expanded, or an error with path, line and column.

export { describeConfig, describeTraining } from './describe.js'
export { type DeltaEdit, type Edit, type Merge, type MergeEdit, measures, optionsOf } from './edit.js'
export { readEntry } from './expand-edits.js'
export { type Experiment, loadExperiment } from './experiment.js'
export { experimentJsonSchema, trainingJsonSchema } from './json-schema.js'
export { type ModelPair, postName, type TaskSource } from './pair.js'
export { experimentSchema, type LossSettings } from './schema.js'
export { findRecipe, shippedExperiments, shippedRecipes } from './shipped.js'
export { type Training, trainingSchema } from './training.js'
