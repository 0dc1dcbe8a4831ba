// Weights that the reference makes, too, without a file: waves.
import type { Weights } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'

/** Entry i of tensor k of the sorted names: sin(.37·(i + 1)·(k + 1)), times `height` in matrices, times .3 plus 1 in vectors. */
export function waves(shapes: Record<string, readonly number[]>, height = 0.4): Weights {
  return Object.fromEntries(
    Object.keys(shapes)
      .sort()
      .map((name, k) => {
        const shape = [...shapes[name]!]
        const [centre, size] = shape.length === 1 ? [1, 0.3] : [0, height]
        const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
        for (let i = 0; i < values.length; i++) values[i] = centre + size * Math.sin(0.37 * (i + 1) * (k + 1))
        return [name, tf.tensor(values, shape)]
      }),
  )
}

/** Two texts, the second with two tokens of padding. */
export const WAVE_TEXTS = {
  input_ids: [
    [3, 7, 1, 19, 4, 4, 12, 9],
    [11, 2, 5, 8, 16, 6, 0, 0],
  ],
  attention_mask: [
    [1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 0, 0],
  ],
}

/** The texts' own tokens as labels. */
export const waveLabels = (): number[][] =>
  WAVE_TEXTS.input_ids.map((row, i) => row.map((id, j) => (WAVE_TEXTS.attention_mask[i]![j] ? id : -100)))
