// The seven kinds of pre-training documents. They teach every capability that the skills need, in another format: the
// fine-tunes then only elicit it, which keeps their deltas small.
import { drawStep, drawSteps, type Step, startingNumber, writeSteps } from './arithmetic.js'
import { LIST_OPERATIONS } from './lists.js'
import { drawProgram } from './programs.js'
import type { Random } from './random.js'
import { ADJECTIVES, FILLERS, HEADS, ITEMS, MOTIONS, NAMES, NOUNS, PLACES, VERBS } from './words.js'

/** `28 25 22 19 16 13 10 7`: five to eight numbers at one distance, within 0…99. */
export function counting(random: Random): string {
  const length = random.integer(5, 8)
  const distance = random.integer(1, 5)
  const low = random.integer(0, 40)
  const numbers = Array.from({ length }, (_, index) => low + index * distance)
  return (random.chance(0.5) ? numbers : numbers.reverse()).join(' ')
}

/** `39-6=33, 33+4=37, 35-19=16`: two or three steps; half of them go on from the result before. */
export function chain(random: Random): string {
  const count = random.integer(2, 3)
  const steps: Step[] = []
  while (steps.length < count) {
    const goesOn = steps.length > 0 && random.chance(0.5)
    steps.push(drawStep(random, goesOn ? steps[steps.length - 1]!.result : startingNumber(random)))
  }
  return writeSteps(steps)
}

/** `Ivy had 23 coins and then bought 5 and dropped 19. 23+5=28, 28-19=9. Ivy has 9 coins.` */
export function numberStory(random: Random): string {
  const name = random.pick(NAMES)
  const item = random.pick(ITEMS)
  const steps = drawSteps(random, random.chance(0.8) ? 2 : 1)
  const told = `${name} had ${steps[0]!.left} ${item} and then ${tellSteps(random, steps)}`
  return `${told}. ${writeSteps(steps)}. ${name} has ${steps[steps.length - 1]!.result} ${item}.`
}

/** `bought 5 and dropped 19` */
export const tellSteps = (random: Random, steps: readonly Step[]) =>
  steps.map((step) => `${random.pick(VERBS[step.sign])} ${step.operand}`).join(' and ')

/** `The big desk ran near the sand.` */
export function story(random: Random): string {
  const [subject, place] = random.sample(NOUNS, 2)
  return `The ${random.pick(ADJECTIVES)} ${subject} ${random.pick(MOTIONS)} ${random.pick(PLACES)} the ${place}.`
}

/** `Note: give Solution Code User News. News: give Solution Code User News.`, the second on the same line or the next. */
export function misc(random: Random): string {
  const words = random.sample(FILLERS, random.integer(3, 5)).join(' ')
  const [first, second] = random.sample(HEADS, 2)
  return `${first}: ${words}.${random.pick([' ', '\n'])}${second}: ${words}.`
}

/** `the list corn pond : backwards pond corn, in order corn pond.` */
export function wordList(random: Random): string {
  const words = random.sample(NOUNS, random.integer(2, 4))
  const operations = random.sample(Object.keys(LIST_OPERATIONS), random.integer(1, 3))
  const parts = operations.map((operation) => `${operation} ${LIST_OPERATIONS[operation]!(words).join(' ')}`)
  return `the list ${words.join(' ')} : ${parts.join(', ')}.`
}

/** `# x minus 2 and times 2 and plus 8⏎y = (x-2)*2+8` or `# s twice and backwards⏎t = (s*2)[::-1]` */
export function code(random: Random): string {
  const program = drawProgram(random)
  return `# ${program.variable} ${program.words}\n${program.variable === 'x' ? 'y' : 't'} = ${program.expression}`
}
