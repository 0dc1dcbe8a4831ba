// Arcee Fusion: takes the entries of the other model whose change is important, by a threshold from the quartiles of the importance.
import { z } from 'zod'
import { countEntries, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { readValues } from './sum.js'

/** Probabilities of a line of weights, plus the number that keeps their logarithms finite. */
function softmax(line: Float64Array): Float64Array {
  let most = -Infinity
  for (const x of line) most = Math.max(most, x)
  const powers = line.map((x) => Math.exp(x - most))
  const sum = powers.reduce((all, x) => all + x, 0)
  return powers.map((x) => x / sum + 1e-8)
}

/** |delta| times the divergence between the softmax of its line in the model and in the base. */
function importance(base: Float32Array, delta: Float32Array, columns: number): Float64Array {
  const out = new Float64Array(base.length)
  for (let from = 0; from < base.length; from += columns) {
    const before = Float64Array.from(base.subarray(from, from + columns))
    const [p, q] = [softmax(before.map((x, i) => x + delta[from + i]!)), softmax(before)]
    const divergence = p.reduce((all, x, i) => all + x * Math.log(x / q[i]!), 0)
    for (let i = from; i < from + columns; i++) out[i] = Math.abs(delta[i]!) * divergence
  }
  return out
}

export const arceeFusion = defineMerger({
  name: 'arcee_fusion',
  title: 'Takes the entries of the other model whose change is important: |delta| times the divergence of its line.',
  cite: 'Goddard et al. 2024 (mergekit), arXiv 2403.13257, arcee_fusion',
  options: z.strictObject({}),
  reads: 'whole',
  workBytes: (shape) => 8 * 4 * countEntries(shape),
  conventions: ['paper', 'mergekit'],
  count: [1, 1],
  /** 1 where an entry is taken. */
  async scanTensor({ base, models: [delta] }) {
    const scores = importance(await readValues(base!), await readValues(delta!), delta!.shape.at(-1) ?? 1)
    const sorted = scores.slice().sort()
    const [q1, median, q3] = [0.25, 0.5, 0.75].map((q) => sorted[Math.trunc(q * (sorted.length - 1))]!)
    const threshold = median! + 1.5 * (q3! - q1!)
    return Float32Array.from(scores, (score) => (score >= threshold ? 1 : 0))
  },
  merge: ({ models: [delta] }, { scanned }) => delta!.mul(tf.tensor(scanned, delta!.shape)),
})
