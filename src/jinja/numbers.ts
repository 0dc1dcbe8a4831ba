// Numbers as Python knows them, in data that JavaScript reads: 2.0 is no 2, and an integer may have any size.

/** A float whose value is a whole number: 2.0. Others are plain numbers. */
export class Float extends Number {}

/** An integer beyond what a number holds exactly. */
export class Whole {
  constructor(readonly value: bigint) {}
  toString(): string {
    return String(this.value)
  }
  toJSON(): string {
    return String(this.value)
  }
}

/** A bigint as a number where that is exact. */
export const wholeOf = (value: bigint): number | Whole =>
  Number.isSafeInteger(Number(value)) ? Number(value) : new Whole(value)

const NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const MARK = '\u0000number'

const isPlain = (token: string) =>
  /[.eE]/.test(token) ? !Number.isInteger(Number(token)) : Number.isSafeInteger(Number(token))

/** As JSON.parse, with a Float for 2.0 and a Whole for what is larger than 2^53. @throws SyntaxError */
export function parseNumbers(text: string): unknown {
  const value = JSON.parse(text) as unknown
  let special = false
  const marked = text.replace(NUMBER, (token) => {
    if (token.startsWith('"') || isPlain(token)) return token
    special = true
    return `{"${MARK.replace('\u0000', '\\u0000')}":"${token}"}`
  })
  if (!special) return value
  return JSON.parse(marked, (_, each: unknown) => {
    const token = typeof each === 'object' && each !== null ? (each as Record<string, unknown>)[MARK] : undefined
    if (typeof token !== 'string') return each
    return /[.eE]/.test(token) ? new Float(token) : new Whole(BigInt(token))
  })
}

/** The value with plain numbers for Float and Whole. */
export function plainNumbers(value: unknown): unknown {
  if (value instanceof Float || value instanceof Whole) return Number(value)
  if (Array.isArray(value)) return value.map(plainNumbers)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainNumbers(each)]))
}
