// Experts: which tokens they see, by hand; products of groups against the same written down row by row, to the second derivative.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { groupedProduct } from '../../src/models/grouped.js'
import { largestOfRows, type Routes, routeAll, routeTokens } from '../../src/models/routing.js'
import { setBackend, softmax, type Tensor, tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { worst } from './fixture.js'

before(() => setBackend('wasm'))

test('the largest of each row, and of equal ones the first', () => {
  assert.deepEqual([...largestOfRows([1, 3, 2, 5, 5, 5, 0, 7, 7], 3, 2)], [1, 2, 0, 1, 1, 2])
  assert.deepEqual([...largestOfRows([4, 1, 2, 3], 4, 4)], [0, 3, 2, 1])
  assert.deepEqual([...largestOfRows([0.1, 0.3, 0.2, 0.3], 4, 1)], [1])
})

/** Three tokens; the first two experts of each are 2 and 0, 1 and 2, 2 and 1. */
const LOGITS = [
  [1, 0, 2],
  [0, 3, 2],
  [-1, 0, 1],
]

test('pairs by expert and then by token, weighed by their shares', async () => {
  const logits = tf.tensor2d(LOGITS)
  const routes = routeTokens(logits, { top: 2, normalised: true }, 1, 3)!
  assert.deepEqual(
    [routes.sizes, [...routes.tokens]],
    [
      [2, 3],
      [1, 2, 0, 1, 2],
    ],
  )
  const share = (a: number, b: number) => 1 / (1 + Math.exp(b - a))
  const right = [share(3, 2), share(0, 1), share(2, 1), share(2, 3), share(1, 0)]
  ;[...(await routes.weights.data())].forEach((weight, i) => assertClose(weight, right[i]!, { tolerance: 1e-6 }))
  const one = tf.tensor2d([[1, 0, 2]])
  assert.equal(routeTokens(one, { top: 2, normalised: false }, 1, 2), null, 'no token goes to this expert')
})

test('where no values can be read, every token goes to every expert, with the same weights', async () => {
  for (const normalised of [true, false]) {
    const weights = (routes: Routes) => {
      const table = new Float32Array(9)
      const values = routes.weights.dataSync()
      let at = 0
      routes.sizes.forEach((size, expert) => {
        for (let i = 0; i < size; i++, at++) table[routes.tokens[at]! * 3 + expert]! += values[at]!
      })
      return table
    }
    tf.tidy(() => {
      const logits = tf.tensor2d(LOGITS)
      const some = weights(routeTokens(logits, { top: 2, normalised }, 0, 3)!)
      const all = weights(routeAll(softmax(logits), { top: 2, normalised }, 0, 3))
      assert.ok(worst(all, some) < 1e-6)
      assert.equal(all.filter((weight) => weight === 0).length, 3)
    })
  }
})

test('products of groups with a matrix each, their derivatives, and the derivatives of these', async () => {
  const sizes = [2, 0, 3]
  const wave = (shape: number[], step: number) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(step * (i + 1))),
      shape,
    )
  for (const turned of [true, false]) {
    tf.tidy(() => {
      const [x, w] = [wave([5, 4], 0.7), wave(turned ? [3, 3, 4] : [3, 4, 3], 0.3)]
      const [along, across, factor] = [wave([5, 4], 1.1), wave(w.shape, 0.9), wave([5, 3], 0.5)]
      const plain = (rows: Tensor, matrices: Tensor): Tensor => {
        const each = tf.unstack(matrices) as tf.Tensor2D[]
        const owner = [0, 0, 2, 2, 2]
        return tf.concat(
          tf.split(rows as tf.Tensor2D, 5, 0).map((row, i) => tf.matMul(row, each[owner[i]!]!, false, turned)),
          0,
        )
      }
      const grouped = (rows: Tensor, matrices: Tensor) => groupedProduct(rows, matrices, sizes, turned)
      const all = (f: typeof plain): Tensor[] => {
        const loss = (rows: Tensor, matrices: Tensor) => f(rows, matrices).square().mul(factor).sum()
        const slope = tf.grads(loss)
        const bend = tf.grads((rows: Tensor, matrices: Tensor) => {
          const [a, b] = slope([rows, matrices])
          return a!.mul(along).sum().add(b!.mul(across).sum())
        })
        return [f(x, w), ...slope([x, w]), ...bend([x, w])]
      }
      const right = all(plain)
      all(grouped).forEach((found, i) =>
        assert.ok(worst(found.dataSync(), right[i]!.dataSync()) < 1e-6, `${turned} ${i}`),
      )
    })
  }
})
