export * from './loss.js'
export * from './riemann.js'
export * from './classify.js'
