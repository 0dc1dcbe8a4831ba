// torch's arithmetic on tensors of one format: every operation is rounded to the format. A factor or divisor that is one number
// takes part as float32, one that is added is rounded to the format first (torch 2.13, BinaryOpsKernel).
import { type Format, rounderOf, roundTo, type Values, zeros } from './format.js'
import { normRun, sumColumns, sumRounder, sumRun } from './sums.js'

type Operand = Values | Uint8Array | number

export interface Arithmetic {
  format: Format
  /** Rounds one number to the format. */
  round(x: number): number
  add(a: Values, b: Operand): Values
  /** Differences of tensors. */
  sub(a: Values, b: Values): Values
  mul(a: Values, b: Operand): Values
  div(a: Values, b: Values | number): Values
  /** A function of every entry. */
  map(a: Values, work: (x: number, i: number) => number): Values
  /** The sum of all entries. */
  sum(a: Values): number
  /** The Euclidean norm of all entries. */
  norm(a: Values): number
  /** Sums of several tensors, entry by entry. */
  sumOf(all: readonly Values[]): Values
}

/** The arithmetic of a format. */
export function arithmeticOf(format: Format): Arithmetic {
  const round = rounderOf(format)
  const wide = sumRounder(format)
  const map: Arithmetic['map'] = (a, work) => {
    const out = zeros(format, a.length)
    for (let i = 0; i < out.length; i++) out[i] = work(a[i]!, i)
    return roundTo(format, out)
  }
  return {
    format,
    round,
    map,
    add(a, b) {
      if (typeof b !== 'number') return map(a, (x, i) => x + b[i]!)
      const term = round(b)
      return map(a, (x) => x + term)
    },
    sub: (a, b) => map(a, (x, i) => x - b[i]!),
    mul(a, b) {
      if (typeof b !== 'number') return map(a, (x, i) => x * b[i]!)
      const factor = wide(b)
      return map(a, (x) => x * factor)
    },
    div(a, b) {
      if (typeof b !== 'number') return map(a, (x, i) => x / b[i]!)
      const divisor = wide(b)
      return map(a, (x) => x / divisor)
    },
    sum: (a) => round(sumRun(a, format)),
    norm: (a) => round(normRun(a, format)),
    sumOf(all) {
      const sums = sumColumns(all, format)
      return map(sums, (x) => x)
    },
  }
}
