// A task file of lm-evaluation-harness given for a card, and the shipped card that follows that task.
import { UserError } from '../errors/index.js'
import { readText } from '../schema/index.js'
import { HARNESS_KEYS } from '../yaml/index.js'
import type { Card } from './cards/card.js'

/** Keys that only those files have, at the beginning of a line. */
const KEYS = new RegExp(`^"?(group|${HARNESS_KEYS.join('|')})"?:`, 'm')

/** The parts of the data set of the hub that a card measures on. */
const partsOf = ({ data }: Card): string[] => (typeof data === 'string' ? [] : [data.config ?? []].flat())

/**
 * @param cards the shipped ones, read when they are needed
 * @throws UserError for a file of the harness whose task a card follows: it names the card
 */
export function checkHarness(path: string, cards: () => Iterable<Card>): void {
  const text = readText(path)
  const wordAt = (key: string) =>
    new RegExp(`^"?(?:${key})"?:[ \\t]*["']?([\\w-]+)["']?[ \\t]*(?:#.*)?$`, 'm').exec(text)?.[1]
  const task = wordAt('task|group')
  if (task === undefined || !KEYS.test(text)) return
  const part = wordAt('dataset_name')
  for (const card of cards()) {
    const [source, name] = /^lm-evaluation-harness (\w+)( [\d.]+)?/.exec(card.follows ?? '') ?? []
    // A card has all the parts of some tasks (mmlu_anatomy); hellaswag_ar is of another data set.
    const has = part !== undefined && partsOf(card).some((each) => each === part || each === 'all')
    if (name === undefined || (task !== name && !(has && task === `${name}_${part}`))) continue
    throw new UserError(
      `${path}: this is the task ${task} of lm-evaluation-harness; deltalab has a card that follows it: --task ${card.name} (${source})`,
    )
  }
}
