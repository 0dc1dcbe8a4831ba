// Sums of small numbers, one step after another: what arithmetic chains, number stories and the math skill share.
import type { Random } from './random.js'

export interface Step {
  sign: '+' | '-'
  left: number
  operand: number
  result: number
}

/** A number to start from, 5…40. */
export const startingNumber = (random: Random) => random.integer(5, 40)

/** One step from `left`: operand 2…19, redrawn until the result is within 1…75. */
export function drawStep(random: Random, left: number): Step {
  for (;;) {
    const sign = random.chance(0.5) ? '+' : '-'
    const operand = random.integer(2, 19)
    const result = sign === '+' ? left + operand : left - operand
    if (result >= 1 && result <= 75) return { sign, left, operand, result }
  }
}

/** `count` steps, each from the result of the one before. */
export function drawSteps(random: Random, count: number): Step[] {
  const steps: Step[] = []
  let left = startingNumber(random)
  while (steps.length < count) {
    const step = drawStep(random, left)
    steps.push(step)
    left = step.result
  }
  return steps
}

/** `16-2=14, 14+15=29` */
export const writeSteps = (steps: readonly Step[]) =>
  steps.map(({ left, sign, operand, result }) => `${left}${sign}${operand}=${result}`).join(', ')
