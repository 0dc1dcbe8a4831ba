// A skill: prompts with answers in a format that pre-training never showed, split into training and held-out items.
import type { Item } from '../../tasks/task.js'
import { keyOf } from '../../tensor/key.js'
import { randomFrom, type Random } from '../random.js'

export type Draft = Omit<Item, 'id'> & {
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

/** Items of one split. Held-out items have different prompts (but for shared ones); training items are drawn with replacement. */
export function itemsOf(skill: Skill, options: ItemOptions): Item[] {
  const random = randomFrom('items', skill.name, options.split, options.seed)
  const items: Item[] = []
  const seen = new Set<string>()
  while (items.length < options.count) {
    const { shared = false, ...draft } = skill.draw(random)
    if (!shared) {
      if (isHeldOut(draft.prompt) !== (options.split === 'test')) continue
      if (options.split === 'test' && seen.has(draft.prompt)) continue
      seen.add(draft.prompt)
    }
    items.push({ id: `${skill.name}-${options.split}-${items.length}`, ...draft })
  }
  return items
}
