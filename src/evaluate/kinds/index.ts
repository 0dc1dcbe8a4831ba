// The kinds of tasks, by their names. A new kind is a file of its own and its line here.
import type { Task, TaskKind, TaskOf } from '../../tasks/index.js'
import { choiceMethods } from './choices.js'
import { classifyMethods } from './classify.js'
import { generateMethods } from './generate.js'
import { imageMethods } from './images.js'
import type { KindMethods, Reply } from './kind.js'
import { rankMethods } from './rank.js'
import { textMethods } from './text.js'

export type { Reply } from './kind.js'

const KINDS: { readonly [K in TaskKind]: KindMethods<TaskOf<K>, Reply> } = {
  generate: generateMethods,
  choices: choiceMethods,
  classify: classifyMethods,
  images: imageMethods,
  rank: rankMethods,
  text: textMethods,
}

/** The methods for the task's kind. */
export const methodsOf = <T extends Task>({ kind }: T): KindMethods<T, Reply> =>
  KINDS[kind] as unknown as KindMethods<T, Reply>
