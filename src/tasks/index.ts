// Tasks: items of prompt and target text, the metrics that score answers, and the cards that describe them.
export { SHIPPED, listTasks, loadTask, type TaskOptions } from './load.js'
export { METRICS, type MetricName } from './metrics.js'
export { runProgram, type Value } from './program.js'
export type { Item, Metric, Task } from './task.js'
