// One DARE edit of a 16.8M-entry tensor on wasm: the fused keyed kernel against the same edit in plain TensorFlow.js ops.
import { keyOf, keyedSelect, setBackend, tf } from '../src/tensor/index.js'

export interface Ratio {
  name: string
  /** How many times as fast as the comparison. */
  ratio: number
  milliseconds: number
  comparison: number
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]

/** Interleaved runs in one process; medians of seven after one warm-up of each. */
export async function run(): Promise<Ratio[]> {
  await setBackend('wasm')
  const rate = 0.9
  const delta = tf.randomNormal([4096, 4096], 0, 0.002)
  const key = keyOf('bench', 'dare')
  const fused = () => keyedSelect(delta, key, { rate, dropped: 0, kept: 1 / (1 - rate) })
  const ops = () => tf.tidy(() => tf.randomUniform(delta.shape).greater(rate).mul(delta).mul(1 / (1 - rate)))
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < 8; round++) {
    for (const [i, edit] of [fused, ops].entries()) {
      const start = performance.now()
      edit().dispose()
      if (round > 0) times[i].push(performance.now() - start)
    }
  }
  delta.dispose()
  const [milliseconds, comparison] = times.map(median)
  return [{ name: 'DARE edit of 16.8M entries, against tf.js ops', ratio: comparison / milliseconds, milliseconds, comparison }]
}
