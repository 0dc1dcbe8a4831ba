// Zeroth-order tuning: deltas that are a list of scalars, because their directions are drawn again from seeds.
export { fedkseed } from './fedkseed.js'
export { mezo } from './mezo.js'
export { compressSeeds, openSeeded, writeRebuilt } from './rebuild.js'
export { zerothJsonSchema, zerothSchema } from './recipe.js'
export { runZeroth } from './run.js'
export { readPoint } from './start.js'
export { readSeeds, rebuild, writeSeeds } from './store.js'
