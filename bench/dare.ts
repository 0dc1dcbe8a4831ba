// One DARE edit of a 16.8M-entry tensor on wasm: the fused keyed kernel against the same edit in plain TensorFlow.js ops.
import { keyedSelect, keyOf, setBackend, tf } from '../src/tensor/index.js'
import { type Comparison, compare } from './compare.js'

export async function run(): Promise<Comparison[]> {
  await setBackend('wasm')
  const rate = 0.9
  const delta = tf.randomNormal([4096, 4096], 0, 0.002)
  const key = keyOf('bench', 'dare')
  const fused = () => keyedSelect(delta, key, { rate, dropped: 0, kept: 1 / (1 - rate) }).dispose()
  const ops = () =>
    tf
      .tidy(() =>
        tf
          .randomUniform(delta.shape)
          .greater(rate)
          .mul(delta)
          .mul(1 / (1 - rate)),
      )
      .dispose()
  const comparison = await compare({
    name: 'DARE edit of 16.8M entries, against TensorFlow.js operations',
    goal: 5,
    ours: fused,
    theirs: ops,
    rounds: 7,
  })
  delta.dispose()
  return [comparison]
}
