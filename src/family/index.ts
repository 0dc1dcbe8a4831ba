// The miniature family: generated text, skills and vocabulary from which the shipped models are trained.
export { corpus, labelledCorpus, MIXTURE } from './corpus.js'
export { writeFamilyData, writeTaskFiles, writeTokenizer } from './files.js'
export { SKILLS, type SkillName } from './skills/index.js'
export { isHeldOut, itemsOf, type ItemOptions, type Skill } from './skills/skill.js'
export { buildVocabulary, END_OF_TEXT, PIECES, tokenizerConfig, tokenizerJson } from './vocabulary.js'
export { picturesOf, scenesOf, writeVisionData, writeVisionTasks } from './vision/files.js'
export { ATTRIBUTES, drawScene, VISION_TASKS, type Picture, type VisionTask } from './vision/scenes.js'
