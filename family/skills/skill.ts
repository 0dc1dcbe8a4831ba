// A skill: prompts with answers in a format that pre-training never showed, split into training and held-out items.

import { keyOf } from '../../src/kernels/index.js'
import type { Item } from '../../src/tasks/task.js'
import { type Random, randomFrom } from '../random.js'

type Draft = Omit<Item, 'id'> & {
  /** True where there are too few prompts to hold any out: such a prompt may be in both splits, and again within one. */
  shared?: boolean
}

export interface Skill {
  name: string
  version: number
  description: string
  metric: string
  /** Room for the longest answer with its end-of-text token. */
  maxNewTokens: number
  draw(random: Random): Draft
}

export interface ItemOptions {
  count: number
  seed: number
  split: 'train' | 'test'
}

/** One prompt in eight is held out, decided by the prompt's own hash: no seed or size of the training set can reach it. */
export const isHeldOut = (prompt: string) => keyOf('held-out', prompt)[0] % 8 === 0

/**
 * Items of one split. Held-out items have different prompts (but for shared ones); training items are drawn with replacement.
 * A refused draft is redrawn among those that can be refused, so that both splits keep the shares of `draw`.
 */
export function itemsOf(skill: Skill, options: ItemOptions): Item[] {
  const isTest = options.split === 'test'
  const random = randomFrom('items', skill.name, options.split, options.seed)
  const seen = new Set<string>()
  const fits = ({ prompt }: Draft) => isHeldOut(prompt) === isTest && !(isTest && seen.has(prompt))

  return Array.from({ length: options.count }, (_, index) => {
    let draft = skill.draw(random)
    if (!draft.shared) {
      while (draft.shared || !fits(draft)) draft = skill.draw(random)
      seen.add(draft.prompt)
    }
    const { prompt, target, fields } = draft
    return { id: `${skill.name}-${options.split}-${index}`, prompt, target, fields }
  })
}
