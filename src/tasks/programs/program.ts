// The interpreter of the tiny code language: `return` and one expression on whole numbers or strings. Answers of models are
// run by this and by nothing else, so no answer can touch, crash or hang the host.
//
//   program  return expression
//   sum      product (('+' | '-') product)*
//   product  signed ('*' signed)*
//   signed   '-'* suffixed
//   suffixed (number | name | '(' sum ')') ('[::-1]' | '.upper()' | '[0]' | '[-1]')*
//
// Meaning is Python's: + joins strings, * repeats them, an index outside a string is an error.

export type ProgramValue = number | string

/** Longest program text, longest string value: characters. Whole numbers stay within ±2^53. */
const LONGEST_PROGRAM = 200
const LONGEST_STRING = 1000

const TOKEN = / *(\[::-1\]|\.upper\(\)|\[0\]|\[-1\]|\d+|[A-Za-z_]\w*|[-+*()]|$)/y

/** What a wrong program is unwound with; it never leaves this file. */
const WRONG = Symbol('wrong program')

/** The program's value, or undefined for any text that is not a program with a value within bounds. Never throws. */
export function runProgram(text: string, variables: Readonly<Record<string, ProgramValue>>): ProgramValue | undefined {
  if (text.length > LONGEST_PROGRAM) return undefined
  try {
    return evaluate(split(text.trim()), variables)
  } catch (thrown) {
    if (thrown === WRONG) return undefined
    throw thrown
  }
}

function split(text: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  for (;;) {
    const match = TOKEN.exec(text)
    if (!match) throw WRONG
    if (match[1] === '') return tokens
    tokens.push(match[1]!)
  }
}

function evaluate(tokens: readonly string[], variables: Readonly<Record<string, ProgramValue>>): ProgramValue {
  let at = 0
  const take = (token: string) => tokens[at] === token && ++at > 0

  const sum = (): ProgramValue => {
    let value = product()
    for (;;) {
      if (take('+')) value = add(value, product())
      else if (take('-')) value = whole(numeric(value) - numeric(product()))
      else return value
    }
  }
  const product = (): ProgramValue => {
    let value = signed()
    while (take('*')) value = multiply(value, signed())
    return value
  }
  const signed = (): ProgramValue => (take('-') ? whole(-numeric(signed())) : suffixed())
  const suffixed = (): ProgramValue => {
    let value = primary()
    for (;;) {
      if (take('[::-1]')) value = [...textual(value)].reverse().join('')
      else if (take('.upper()')) value = bounded(textual(value).toUpperCase())
      else if (take('[0]')) value = letter(value, 0)
      else if (take('[-1]')) value = letter(value, -1)
      else return value
    }
  }
  const primary = (): ProgramValue => {
    if (take('(')) {
      const value = sum()
      if (!take(')')) throw WRONG
      return value
    }
    const token = tokens[at++] ?? ''
    if (/^(0|[1-9]\d*)$/.test(token)) return whole(Number(token))
    if (Object.hasOwn(variables, token)) return variables[token]!
    throw WRONG
  }

  if (!take('return')) throw WRONG
  const value = sum()
  if (at < tokens.length) throw WRONG
  return value
}

function numeric(value: ProgramValue): number {
  if (typeof value !== 'number') throw WRONG
  return value
}

function textual(value: ProgramValue): string {
  if (typeof value !== 'string') throw WRONG
  return value
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw WRONG
  return value + 0 // −0 is 0
}

function bounded(value: string): string {
  if (value.length > LONGEST_STRING) throw WRONG
  return value
}

function letter(value: ProgramValue, index: 0 | -1): string {
  const found = [...textual(value)].at(index)
  if (found === undefined) throw WRONG
  return found
}

function add(left: ProgramValue, right: ProgramValue): ProgramValue {
  if (typeof left === 'string' && typeof right === 'string') return bounded(left + right)
  return whole(numeric(left) + numeric(right))
}

function multiply(left: ProgramValue, right: ProgramValue): ProgramValue {
  if (typeof left === 'string' && typeof right === 'number') return repeat(left, right)
  if (typeof left === 'number' && typeof right === 'string') return repeat(right, left)
  return whole(numeric(left) * numeric(right))
}

function repeat(text: string, count: number): string {
  const times = Math.max(0, count)
  if (text.length * times > LONGEST_STRING) throw WRONG // before anything is allocated
  return text.repeat(text === '' ? 0 : times)
}
