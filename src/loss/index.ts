// The loss of a model, the sums that approximate its change under an edit, and the class of an edit.

export { type LossKind, RULES, type Rule } from '../record/index.js'
export * from './classify.js'
export * from './gradient.js'
export { fisherDiagonals, gramMatrices } from './information.js'
export { layerInputs } from './layer-inputs.js'
export { type Loss, lossOf } from './loss.js'
export type { Sink } from './pull.js'
export * from './riemann.js'
export { FEWEST_TOKENS, fitBatches, loadOf, readWeights, rowsOf } from './stream.js'
export { holdWithin } from './tape.js'
