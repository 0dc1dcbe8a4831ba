// Rows of finished runs and where they came from: schema, CSV store, provenance. Never imports TensorFlow.js.

export { checkResults } from './earlier.js'
export * from './folder.js'
export * from './live.js'
export * from './lock.js'
export * from './meta.js'
export * from './options.js'
export { changesFor, type StorePlan, type WantedRun } from './reuse.js'
export * from './row.js'
export { checkIdle, missingRuns, nameShard, type Shard, shardFolder, shardsIn } from './shards.js'
export * from './store.js'
export { unusedFolder } from './unused.js'
export * from './view.js'
