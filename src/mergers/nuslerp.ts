// NuSLERP: spherical interpolation by two weights, over whole tensors or along an axis; with a base, of the deltas.
import { z } from 'zod'
import { countEntries, dot, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { combineArc, readValues, type Weighted, weighted } from './sum.js'

const options = z.strictObject({
  flatten: z.boolean().default(true).describe('Take each tensor as one vector; false interpolates along an axis.'),
  row_wise: z
    .boolean()
    .default(false)
    .describe("Without flatten: along the first axis instead of the last (the name is mergekit's)."),
})

/** Factors of the two models, one pair per vector. */
interface Factors {
  shape: number[]
  a: Float32Array
  b: Float32Array
}

/** Place on the arc, from the first model to the second. */
function placeOf([first, second]: readonly Weighted[]): number {
  const [w1, w2] = [first!.weight, second!.weight]
  return Math.abs(w1 + w2) < 1e-6 ? 0.5 : w2 / (w1 + w2)
}

/** Factors of two vectors, from a·b, a·a and b·b. */
function arcOf([ab, aa, bb]: readonly [number, number, number], t: number): { a: number; b: number; flat: boolean } {
  const [first, second] = [aa, bb].map((square) => Math.max(Math.sqrt(square), 1e-7))
  const angle = Math.acos(Math.min(1, Math.max(-1, ab / (first! * second!))))
  // Within 1e-6 of π the vectors are opposed up to rounding: there is no shortest arc, and dividing by the sine would overflow.
  const flat = Math.sin(angle) < (angle > 2 ? 1e-6 : 1e-8)
  return flat
    ? { a: 1 - t, b: t, flat }
    : { a: Math.sin((1 - t) * angle) / Math.sin(angle), b: Math.sin(t * angle) / Math.sin(angle), flat }
}

const linearFor = (linear: number, count: number): string =>
  `linear branch for ${linear} of ${count} vectors: the models are parallel or opposed`

export const nuslerp = defineMerger({
  name: 'nuslerp',
  title: 'Spherical interpolation of two models or of their deltas, by weights, also along one axis.',
  cite: 'Goddard et al. 2024 (mergekit), arXiv 2403.13257',
  options,
  reads: 'whole',
  workBytes: (shape, n) => 4 * n * countEntries(shape) + 1024,
  modelOptions: weighted,
  conventions: ['paper', 'mergekit'],
  input: 'either',
  count: [2, 2],
  async scanTensor({ models }, { options: { flatten, row_wise }, modelOptions: own, warn }): Promise<Factors> {
    const { shape, size } = models[0]!
    const [first, second] = [await readValues(models[0]!), await readValues(models[1]!)]
    const t = placeOf(own)
    const whole = flatten || shape.length < 2
    const length = whole ? size : row_wise ? shape[0] : shape.at(-1)!
    const count = size / length
    const [a, b] = [new Float32Array(count), new Float32Array(count)]
    let linear = 0
    for (let v = 0; v < count; v++) {
      const [from, step] = whole ? [0, 1] : row_wise ? [v, count] : [v * length, 1]
      const along = (x: Float32Array, y: Float32Array): number => dot(x, y, { from, step, count: length })
      const arc = arcOf([along(first, second), along(first, first), along(second, second)], t)
      a[v] = arc.a
      b[v] = arc.b
      if (arc.flat) linear++
    }
    if (linear) warn(linearFor(linear, count))
    return {
      shape: whole ? shape.map(() => 1) : shape.map((side, i) => (i === (row_wise ? 0 : shape.length - 1) ? 1 : side)),
      a,
      b,
    }
  },
  merge: ({ models: [first, second] }, { scanned: { shape, a, b } }) =>
    first!.mul(tf.tensor(a, shape)).add(second!.mul(tf.tensor(b, shape))),
  program: ({ options: { flatten }, modelOptions, warn }) =>
    flatten
      ? combineArc((dots) => {
          const { a, b, flat } = arcOf(dots, placeOf(modelOptions))
          if (flat) warn(linearFor(1, 1))
          return [a, b]
        })
      : null,
})
