// The kinds of tasks, by the word that cards have for them. A new kind is a file of its own, its line here, and its line in
// `task.ts`; what a model does with it is a file of `evaluate/kinds`.
import type { TaskKind, TaskOf } from '../task.js'
import { choiceCards } from './choices.js'
import { classifyCards } from './classify.js'
import { generateCards } from './generate.js'
import { imageCards } from './images.js'
import type { CardKind } from './kind.js'
import { rankCards } from './rank.js'
import { textCards } from './text.js'

export const CARD_KINDS: { readonly [K in TaskKind]: CardKind<TaskOf<K>> } = {
  generate: generateCards,
  choices: choiceCards,
  classify: classifyCards,
  images: imageCards,
  rank: rankCards,
  text: textCards,
}
