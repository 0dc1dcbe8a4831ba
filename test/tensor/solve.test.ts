// Linear systems against hand-worked and random ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dot, setBackend, signs, signsOr, solve, tf } from '../../src/tensor/index.js'

test('a 2 × 2 system worked by hand, and a singular one', async () => {
  assert.deepEqual(
    [...(await solve([2, 1, 1, 3], [5, 1, 10, 0], 2))!].map((x) => Math.fround(x)),
    [1, 0.6, 3, -0.2].map(Math.fround),
  )
  assert.equal(await solve([1, 2, 2, 4], [1, 1], 2), null)
})

test('inner products along rows and columns', () => {
  const [a, b] = [
    [1, 2, 3, 4, 5, 6],
    [1, 10, 100, 1000, 1e4, 1e5],
  ]
  assert.equal(dot(a, b), 1 + 20 + 300 + 4000 + 5e4 + 6e5)
  assert.equal(dot(a, b, { from: 3, count: 3 }), 4000 + 5e4 + 6e5)
  assert.equal(dot(a, b, { from: 1, step: 3, count: 2 }), 20 + 5e4)
})

test('signs of tiny numbers are not lost', async () => {
  for (const backend of ['wasm', 'cpu'] as const) {
    await setBackend(backend)
    const x = tf.tensor1d([5e-8, -1e-30, 0, -0, 3])
    const out = signs(x)
    assert.deepEqual([...(await out.data())], [1, -1, 0, 0, 1])
    const [up, down] = [signsOr(x, 1), signsOr(x, -1)]
    assert.deepEqual([...(await up.data())], [1, -1, 1, 1, 1])
    assert.deepEqual([...(await down.data())], [1, -1, -1, -1, 1])
    tf.dispose([x, out, up, down])
  }
})
