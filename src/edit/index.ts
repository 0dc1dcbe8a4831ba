export { editCheckpoint, checkSteps, type EditOptions, type EditSummary } from './edit.js'
export { describeEdit } from './describe.js'
