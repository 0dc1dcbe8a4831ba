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

test('sums over the first axes are added row by row, and a cast to the same type shares the values', async () => {
  await setBackend('wasm')
  tf.tidy(() => {
    for (const shape of [
      [3, 1],
      [7, 16],
      [2, 3, 37],
      [5, 70],
    ]) {
      const x = tf.randomUniform(shape, -1, 1, 'float32', 5)
      const values = x.dataSync()
      const width = shape.at(-1)!
      const sums = new Float32Array(width)
      for (let i = 0; i < values.length; i++) sums[i % width]! += values[i]!
      const axes = shape.slice(1).map((_, axis) => axis)
      assert.deepEqual(x.sum(axes).dataSync(), sums)
      assert.deepEqual(x.sum(axes, true).shape, [...axes.map(() => 1), width])
    }
    const x = tf.tensor1d([1, 2])
    const same = x.toFloat()
    x.dispose()
    assert.deepEqual([...same.dataSync()], [1, 2])
    assert.deepEqual(tf.zeros([0, 3]).sum(0).dataSync(), new Float32Array(3))
    assert.deepEqual(tf.zeros([3, 0]).sum(0).shape, [0])
  })
})

test('the bits of an entry of a product do not depend on the rows and columns beside it', async () => {
  await setBackend('wasm')
  tf.tidy(() => {
    // The inner entries are summed in blocks of 384, and whole tiles are 5 × 8.
    const a = tf.randomUniform([11, 1000], -1, 1, 'float32', 1) as tf.Tensor2D
    const b = tf.randomUniform([1000, 21], -1, 1, 'float32', 2) as tf.Tensor2D
    const whole = tf.matMul(a, b)
    for (const [from, rows] of [
      [0, 1],
      [1, 5],
      [3, 8],
    ] as const)
      for (const [left, columns] of [
        [0, 3],
        [2, 8],
        [5, 16],
      ] as const) {
        const part = tf.matMul(a.slice(from, rows), b.slice([0, left], [1000, columns]))
        assert.deepEqual(part.dataSync(), whole.slice([from, left], [rows, columns]).dataSync())
      }
  })
})
