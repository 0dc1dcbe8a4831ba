// torch's arithmetic on tensors of one format: every operation is rounded to the format. A factor or divisor that is one number
// takes part as float32, one that is added is rounded to the format first (torch 2.13, BinaryOpsKernel).
import { type FloatFormat, type Numbers, rounderOf, roundTo, zeros } from './format.js'
import { normRun, sumColumns, sumRounder, sumRun } from './sums.js'

type Operand = Numbers | Uint8Array | number

export interface Arithmetic {
  format: FloatFormat
  /** Rounds one number to the format. */
  round(x: number): number
  add(a: Numbers, b: Operand): Numbers
  /** Differences of tensors. */
  sub(a: Numbers, b: Numbers): Numbers
  mul(a: Numbers, b: Operand): Numbers
  div(a: Numbers, b: Numbers | number): Numbers
  /** A function of every entry. */
  map(a: Numbers, work: (x: number, i: number) => number): Numbers
  /** The sum of all entries. */
  sum(a: Numbers): number
  /** The Euclidean norm of all entries. */
  norm(a: Numbers): number
  /** Sums of several tensors, entry by entry. */
  sumOf(all: readonly Numbers[]): Numbers
}

/** The arithmetic of a format. */
export function arithmeticOf(format: FloatFormat): Arithmetic {
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
