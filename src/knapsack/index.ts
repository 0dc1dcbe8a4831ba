// The multiple-choice knapsack: one option of each group, so that costs are least within a capacity.
export { pack } from './pack.js'
export type { Option } from './relax.js'
