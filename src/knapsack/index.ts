// The multiple-choice knapsack: one option of each group, so that costs are least within a capacity.
export { type Option, type Packing, pack } from './pack.js'
