// Sweeps on clusters: scripts of the shards for the cluster's own engine, which starts them, and how their jobs are.
export { type JobEngine, type JobState, type JobWork, numberRanges } from './engine.js'
export { kubernetes } from './kubernetes.js'
export { slurm } from './slurm.js'
export * from './submission.js'
