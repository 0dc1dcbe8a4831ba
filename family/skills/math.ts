// Number stories asked as problems, answered with the working and the number after ####.
import { drawSteps, writeSteps } from '../arithmetic.js'
import { tellSteps } from '../documents.js'
import { ITEMS, NAMES } from '../words.js'
import type { Skill } from './skill.js'

export const math: Skill = {
  name: 'math',
  version: 1,
  description: 'two-step addition and subtraction stories; the working, then the number after ####',
  metric: 'final_number',
  maxNewTokens: 26,
  draw(random) {
    const steps = drawSteps(random, 2)
    const answer = steps[1]!.result
    const told = `${random.pick(NAMES)} had ${steps[0]!.left} ${random.pick(ITEMS)} and then ${tellSteps(random, steps)}`
    return {
      prompt: `Problem: ${told}. how many now?\nSolution:`,
      target: ` ${writeSteps(steps)} #### ${answer}`,
      fields: { answer },
    }
  },
}
