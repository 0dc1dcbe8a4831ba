// Scores a model on a task: generated answers, choices by likelihood, or classes.

export { askInChat, type ChatSettings } from './chat.js'
export {
  checkItems,
  checkLoss,
  checkTask,
  encodeItems,
  evaluateTask,
  fitTask,
  repliesOfLoss,
  replyTo,
  runsCode,
  scoreReplies,
  taskNotes,
} from './evaluate.js'
export { promptFeatures } from './features.js'
export { generate } from './generate.js'
export { describeGeneration } from './generation_config.js'
export { imagesPerBatch } from './images.js'
export { keepTokens, rememberTokens } from './kept-tokens.js'
export type { Reply } from './kinds/index.js'
export { logLikelihoods } from './likelihood.js'
export type { Reach, Subject } from './options.js'
export {
  imagesFor,
  loadReader,
  loadText,
  openReader,
  type Reader,
  readsImages,
  type TextReader,
} from './reader.js'
export type { Sampling } from './sampling.js'
export type { Scores } from './scores.js'
export { checkTower, classFeatures, describeClasses } from './zero_shot.js'
