// Kernels that are replaced on the wasm backend, against the cpu backend.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setBackend, tf } from '../../src/tensor/index.js'

test('slices and pieces on wasm are those of the cpu backend', async () => {
  const made = (): number[][] =>
    tf.tidy(() => {
      const x = tf.reshape(tf.range(0, 60), [3, 4, 5]) as tf.Tensor3D
      const pieces = [0, 1, 2].flatMap((axis) =>
        tf.split(x, axis === 1 ? [1, 3] : axis === 0 ? [2, 1] : [2, 2, 1], axis),
      )
      const slices = [
        x.slice([1, 0, 0], [1, 4, 5]),
        x.slice([1, 2, 0], [1, 2, 5]),
        x.slice([0, 1, 1], [3, 2, 2]),
        x.slice([2, 3, 1], [1, 1, 3]),
      ]
      const other = [x.toInt().slice([2, 0, 0], [1, 4, 5]), x.slice([1, 0, 0], [0, 4, 5])]
      return [...pieces, ...slices, ...other].map((each) => [...each.shape, ...each.dataSync()])
    })
  await setBackend('wasm')
  const wasm = made()
  await setBackend('cpu')
  const cpu = made()
  assert.deepEqual(wasm, cpu)
})
