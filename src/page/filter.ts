// What is typed above a column: a number or a word to look for, or conditions such as `>=0.9` and `>0.1 <0.5`.
import type { CellValue } from '../report/index.js'

/** @param shown what the table says in place of the value, such as `98.6 ± 0.4` */
type Test = (value: CellValue, shown?: string) => boolean

/** Whether a cell is so. Null for what compares numbers and names none. An empty text is true of every cell. */
export function readFilter(text: string): Test | null {
  const tests = text
    .trim()
    .split(/\s+(?=[<>=!])/)
    .filter(Boolean)
    .map(readTest)
  return tests.some((test) => test === null) ? null : (value, shown) => tests.every((test) => test!(value, shown))
}

function readTest(text: string): Test | null {
  const [, sign, operand] = /^(>=|<=|!=|>|<|=)?\s*(.*)$/s.exec(text)!
  const number = operand === '' ? NaN : Number(operand!.replace('−', '-'))
  const word = operand!.toLowerCase()
  const isEqual: Test = (value, shown) =>
    typeof value === 'number' ? isNumber(value, number, shown) : String(value ?? '').toLowerCase() === word
  if (sign === '=') return isEqual
  if (sign === '!=') return (value, shown) => !isEqual(value, shown)
  if (sign === undefined)
    return (value, shown) =>
      typeof value === 'number' && !Number.isNaN(number) ? isNumber(value, number, shown) : has(value, word)
  if (Number.isNaN(number)) return null
  return (value) => typeof value === 'number' && compares[sign as keyof typeof compares](value, number)
}

const has = (value: CellValue, word: string) =>
  String(value ?? '')
    .toLowerCase()
    .includes(word)

/** A number is looked for as it is, or as the table shows it: `0.9` finds 0.9 and no 0.95, `98.6` finds 98.6 ± 0.4. */
const isNumber = (value: number, number: number, shown = '') =>
  value === number || Number.parseFloat(shown.replaceAll('−', '-')) === number

const compares = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
}
