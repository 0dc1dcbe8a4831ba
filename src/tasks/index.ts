// Tasks: items of prompt and target text, the metrics that score answers, and the cards that describe them.
export { SHIPPED, listTasks, loadTask, type TaskOptions, type TaskSummary } from './load.js'
export { METRICS, listMetrics, metricsFor } from './metrics.js'
export { LABEL_METRICS, type LabelMetric } from './labels.js'
export { CHOICE_METRICS, largest, type ChoiceMetric } from './choice.js'
export { cutAtStop, filterAnswer } from './filters.js'
export { runProgram, type Value } from './program.js'
export { batchesOf, sequenceOf, type Sequence } from './sequence.js'
export type { Choice, Item, Metric, Task } from './task.js'
