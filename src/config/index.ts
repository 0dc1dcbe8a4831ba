// Experiments: a YAML file → typed, checked and expanded, or an error with path, line and column.

export * from './describe.js'
export * from './edits.js'
export * from './experiment.js'
export * from './merge.js'
export * from './merges.js'
export { experimentSchema, type LossSettings, type Score } from './schema.js'
export { type Training, trainingSchema } from './training.js'
