// The loss of a model, the sums that approximate its change under an edit, and the class of an edit.
export { lossOf, type Loss } from './loss.js'
export * from './gradient.js'
export { layerInputs, type FedInputs } from './layer_inputs.js'
export { preparePass, type Pass } from './pass.js'
export * from './riemann.js'
export * from './classify.js'
export { fitBatches, rowsOf, type Bounded } from './stream.js'
