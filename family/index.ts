// The miniature family: generated text, skills and vocabulary from which the shipped models are trained.
export { corpus, labelledCorpus, MIXTURE } from './corpus.js'
export { type Corrected, drawAnswers, judgeAnswers, writeCorrections, writeCorrectionTasks } from './corrections.js'
export { writeFamilyData, writeTaskFiles, writeTokenizer } from './files.js'
export { writeEncoderData, writeEncoderTasks } from './grammar/files.js'
export { documentsOf, ENCODER_TASKS, type EncoderTask, toldOf } from './grammar/tasks.js'
export {
  classifiedTriples,
  labelledTriples,
  linksOf,
  writeKnowledgeData,
  writeKnowledgeTasks,
} from './knowledge/files.js'
export {
  drawGraph,
  type Graph,
  keyOfTriple,
  PARTS,
  premisesOf,
  type Triple,
} from './knowledge/graph.js'
export { SKILLS, type SkillName } from './skills/index.js'
export { type ItemOptions, isHeldOut, itemsOf, type Skill } from './skills/skill.js'
export { picturesOf, scenesOf, writeVisionData, writeVisionTasks } from './vision/files.js'
export { ATTRIBUTES, drawScene, type Picture, VISION_TASKS, type VisionTask } from './vision/scenes.js'
export { buildVocabulary, END_OF_TEXT, PIECES, tokenizerConfig, tokenizerJson } from './vocabulary.js'
