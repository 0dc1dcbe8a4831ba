// Multiply and add with one rounding.
import type { FloatFormat } from './format.js'

/** Upper half of a float64: the rest is exact too. */
function split(x: number): [number, number] {
  const scaled = 134217729 * x // 2^27 + 1 (Dekker 1971)
  const upper = scaled - (scaled - x)
  return [upper, x - upper]
}

/** a × b + c: of float32 by way of float64, which holds the product; of float64 with the errors of product and sum added back. */
export function fusedOf(format: FloatFormat): (a: number, b: number, c: number) => number {
  if (format !== 'F64') return (a, b, c) => Math.fround(a * b + c)
  return (a, b, c) => {
    const product = a * b
    const [[a1, a2], [b1, b2]] = [split(a), split(b)]
    const rest = a1 * b1 - product + a1 * b2 + a2 * b1 + a2 * b2
    const sum = product + c
    const part = sum - product
    return sum + (product - (sum - part) + (c - part) + rest)
  }
}
