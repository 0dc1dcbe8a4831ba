// Requests about a list of words, in two word orders, answered with the words alone.
import { LIST_OPERATIONS } from '../lists.js'
import { NOUNS } from '../words.js'
import type { Skill } from './skill.js'

const OPERATIONS = Object.keys(LIST_OPERATIONS).filter((operation) => operation !== 'again')

export const instruct: Skill = {
  name: 'instruct',
  version: 1,
  description: 'seven operations on lists of two to four words, asked in two word orders with three verbs',
  metric: 'exact_match',
  maxNewTokens: 10,
  draw(random) {
    const words = random.sample(NOUNS, random.integer(2, 4))
    const operation = random.pick(OPERATIONS)
    const verb = random.pick(['give', 'say', 'write'])
    const list = words.join(' ')
    const request = random.chance(0.5) ? `${operation} ${list}` : `${list} ${operation}`
    return {
      prompt: `User: please ${verb} ${request}\nBot:`,
      target: ` ${LIST_OPERATIONS[operation]!(words).join(' ')}`,
      fields: { operation },
    }
  },
}
