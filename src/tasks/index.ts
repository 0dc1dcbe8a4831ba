// Tasks: items of prompt and target text, the metrics that score answers, and the cards that describe them.

export { postMetrics, replyMetrics, type TaskBase } from './base.js'
export type { Card as TaskCard } from './cards/card.js'
export { readRows } from './cards/rows.js'
export { defineTask, isTask, type TaskDefinition } from './define.js'
export { describeTasks } from './describe.js'
export { classPrompts } from './images/classes.js'
export { type ImageItem, imagesIn } from './images/images.js'
export { type ImageReader, imageFile, loadImageReader, readPixels } from './images/pixels.js'
export { type ChoiceTask, choiceMetric } from './kinds/choices.js'
export type { ClassifyItem, ClassifyTask } from './kinds/classify.js'
export { answerMetric, type GenerateTask, partsOfAnswer } from './kinds/generate.js'
export type { ImageTask } from './kinds/images.js'
export type { RankingTask } from './kinds/rank.js'
export type { TextItem, TextTask, TextWindow } from './kinds/text.js'
export {
  identifyTask,
  listTaskNames,
  listTasks,
  loadTask,
  SHIPPED,
  settingsOfTask,
  sourceOfTask,
  type TaskReference,
  type TaskSources,
  taskWords,
} from './load.js'
export { runProgram } from './programs/program.js'
export { openSandbox } from './programs/sandbox.js'
export { CHOICE_METRICS, largestIndex } from './scoring/choice.js'
export { cutAtStop, filterAnswer } from './scoring/filters.js'
export { LABEL_METRICS } from './scoring/labels.js'
export { ANSWER_METRICS, listMetrics } from './scoring/metrics.js'
export { RANK_METRICS, rankAmong } from './scoring/rank.js'
export { SELF_CORRECTION_SCORES, selfCorrectionScores } from './scoring/self-correction.js'
export { standardError } from './scoring/standard-error.js'
export { TEXT_METRICS, wordCount } from './scoring/text.js'
export { sectionName, sectionWord, type TaskSection, taskSection } from './section.js'
export {
  continuationsOf,
  type Encoder,
  sequencesOf,
} from './sequences/sequence.js'
export { groupTask, type Item, sliceTask, type Task, type TaskKind, type TaskOf } from './task.js'
export { beginningOf, datasetOf } from './texts/texts.js'
