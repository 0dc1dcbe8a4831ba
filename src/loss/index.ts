// The loss of a model, the sums that approximate its change under an edit, and the class of an edit.
export * from './loss.js'
export * from './riemann.js'
export * from './classify.js'
