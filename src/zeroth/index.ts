// Zeroth-order tuning: deltas that are a list of scalars, because their directions are drawn again from seeds.
export { fedkseed } from './fedkseed.js'
export { mezo } from './mezo.js'
export { type ZerothRecipe, zerothSchema } from './recipe.js'
export { readPoint, runZeroth, type ZerothResult } from './run.js'
export { readSeeds, rebuild, writeSeeds } from './store.js'
