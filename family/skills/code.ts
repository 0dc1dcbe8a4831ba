// Expressions described in words, answered as a return statement of the tiny code language.
import { drawNumberProgram, STRING_PROGRAMS } from '../programs.js'
import type { Random } from '../random.js'
import type { Skill } from './skill.js'

/** Lower-case, no palindromes, first and last letter different: every string operation shows. */
const STRINGS = 'abc desk hello lamp milk plums rope seven stone tiger walk zebra'.split(' ')

export const code: Skill = {
  name: 'code',
  version: 1,
  description: 'programs on a number (70 %) or a string (30 %); held-out prompts, except the 23 string programs',
  metric: 'program',
  maxNewTokens: 20,
  draw(random) {
    const onNumbers = random.chance(0.7)
    const { variable, words, expression } = onNumbers ? drawNumberProgram(random) : random.pick(STRING_PROGRAMS)
    return {
      prompt: `Task: given ${variable} make ${variable} ${words}\nCode:`,
      target: ` return ${expression}`,
      fields: {
        tests: onNumbers ? numbers(random).map((x) => ({ x })) : random.sample(STRINGS, 3).map((s) => ({ s })),
      },
      shared: !onNumbers,
    }
  },
}

/** Four different numbers: two programs of at most three operations are polynomials of degree 3, so agreement means equality. */
const numbers = (random: Random) =>
  random.sample(
    Array.from({ length: 30 }, (_, index) => index - 9),
    4,
  )
