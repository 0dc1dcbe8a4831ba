// torch's softmax along the last axis.
import { type FloatFormat, type Numbers, rounderOf, roundTo, zeros } from './format.js'

/** @param columns length of a line */
export function softmaxOf(values: Numbers, format: FloatFormat, columns: number): Numbers {
  const round = rounderOf(format === 'F64' ? 'F64' : 'F32')
  const out = zeros(format, values.length)
  for (let from = 0; from < values.length; from += columns) {
    const line = values.subarray(from, from + columns)
    let most = -Infinity
    for (const x of line) most = Math.max(most, x)
    const powers = Float64Array.from(line, (x) => round(Math.exp(round(x - most))))
    const sum = powers.reduce((all, x) => round(all + x), 0)
    for (let i = 0; i < columns; i++) out[from + i] = powers[i]! / sum
  }
  return roundTo(format, out)
}
