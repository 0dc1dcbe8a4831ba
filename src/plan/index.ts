// Plans: an experiment → its runs with their ids, what they cost, and its inputs, checked from headers before a weight is read.
export * from './cost.js'
export * from './definitions.js'
export * from './forecast.js'
export * from './hashes.js'
export * from './inputs.js'
export * from './items.js'
export * from './needs.js'
export * from './plan.js'
