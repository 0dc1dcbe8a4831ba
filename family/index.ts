// The miniature family: generated text, skills and vocabulary from which the shipped models are trained.
export { corpus, labelledCorpus, MIXTURE } from './corpus.js'
export { type Corrected, drawAnswers, judgeAnswers, writeCorrections, writeCorrectionTasks } from './corrections.js'
export { writeFamilyData, writeTaskFiles, writeTokenizer } from './files.js'
export { writeEncoderData, writeEncoderTasks } from './grammar/files.js'
export { documentsOf, ENCODER_TASKS, toldOf } from './grammar/tasks.js'
export {
  classifiedTriples,
  labelledTriples,
  linksOf,
  writeKnowledgeData,
  writeKnowledgeTasks,
} from './knowledge/files.js'
export { drawGraph, keyOfTriple, premisesOf } from './knowledge/graph.js'
export { SKILLS } from './skills/index.js'
export { isHeldOut, itemsOf } from './skills/skill.js'
export { picturesOf, scenesOf, writeVisionData, writeVisionTasks } from './vision/files.js'
export { ATTRIBUTES, drawScene, type Picture, VISION_TASKS } from './vision/scenes.js'
