// Expressions of the tiny code language with the words that describe them: what the code documents and the code skill
// share. `tasks/program` runs the expressions.
import type { Random } from './random.js'

export interface Program {
  /** The variable it reads: a whole number x or a string s. */
  variable: 'x' | 's'
  /** `minus 2 and times 2 and plus 8` */
  words: string
  /** `(x-2)*2+8` */
  expression: string
}

const NUMBER_OPERATIONS = [
  { word: 'plus', sign: '+' },
  { word: 'minus', sign: '-' },
  { word: 'times', sign: '*' },
]

const STRING_OPERATIONS = ['twice', 'backwards', 'in capitals', 'the first', 'the last'] as const
type StringOperation = (typeof STRING_OPERATIONS)[number]

const SUFFIXES: Record<Exclude<StringOperation, 'twice'>, string> = {
  backwards: '[::-1]',
  'in capitals': '.upper()',
  'the first': '[0]',
  'the last': '[-1]',
}

/** One to three of + - * with operands 2…9. A sum is put in parentheses only where a product follows. */
export function drawNumberProgram(random: Random): Program {
  const count = random.integer(1, 3)
  const words: string[] = []
  let expression = 'x'
  let isSum = false
  for (let step = 0; step < count; step++) {
    const { word, sign } = random.pick(NUMBER_OPERATIONS)
    const operand = random.integer(2, 9)
    words.push(`${word} ${operand}`)
    expression = sign === '*' && isSum ? `(${expression})*${operand}` : `${expression}${sign}${operand}`
    isSum = sign !== '*'
  }
  return { variable: 'x', words: words.join(' and '), expression }
}

function writeStringProgram(operations: readonly StringOperation[]): Program {
  let expression = 's'
  let isProduct = false
  for (const operation of operations) {
    if (operation === 'twice') expression = `${expression}*2`
    else expression = (isProduct ? `(${expression})` : expression) + SUFFIXES[operation]
    isProduct = operation === 'twice'
  }
  return { variable: 's', words: operations.join(' and '), expression }
}

/** All 23 string programs: one operation, or two different ones, save the first letter of the last and the like. */
export const STRING_PROGRAMS: readonly Program[] = [
  ...STRING_OPERATIONS.map((only) => writeStringProgram([only])),
  ...STRING_OPERATIONS.flatMap((one) =>
    STRING_OPERATIONS.filter((two) => two !== one && !(one.startsWith('the') && two.startsWith('the'))).map((two) =>
      writeStringProgram([one, two]),
    ),
  ),
]

/** Number programs in seven of ten draws, string programs in the others. */
export const drawProgram = (random: Random) =>
  random.chance(0.7) ? drawNumberProgram(random) : random.pick(STRING_PROGRAMS)
