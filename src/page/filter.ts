// What is typed above a column: a number or a word to look for, or conditions such as `>=0.9` and `>0.1 <0.5`.
import type { CellValue } from '../report/index.js'

type Test = (value: CellValue) => boolean

/** Whether a cell is so. Null for what compares numbers and names none. An empty text is true of every cell. */
export function readFilter(text: string): Test | null {
  const tests = text
    .trim()
    .split(/\s+(?=[<>=!])/)
    .filter(Boolean)
    .map(readTest)
  return tests.some((test) => test === null) ? null : (value) => tests.every((test) => test!(value))
}

function readTest(text: string): Test | null {
  const [, sign, operand] = /^(>=|<=|!=|>|<|=)?\s*(.*)$/s.exec(text)!
  const number = operand === '' ? NaN : Number(operand!.replace('−', '-'))
  const word = operand!.toLowerCase()
  const isEqual = (value: CellValue) =>
    typeof value === 'number' ? value === number : String(value ?? '').toLowerCase() === word
  if (sign === '=') return isEqual
  if (sign === '!=') return (value) => !isEqual(value)
  if (sign === undefined) return (value) => (typeof value === 'number' ? isLike(value, number, word) : has(value, word))
  if (Number.isNaN(number)) return null
  return (value) => typeof value === 'number' && compares[sign as keyof typeof compares](value, number)
}

const has = (value: CellValue, word: string) =>
  String(value ?? '')
    .toLowerCase()
    .includes(word)

/** A number without a sign is looked for as it is written: `0.9` finds 0.9 and no 0.95. */
const isLike = (value: number, number: number, word: string) =>
  Number.isNaN(number) ? has(value, word) : value === number

const compares = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
}
