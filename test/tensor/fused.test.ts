// Functions that a backend computes at once: value and derivative by its kernel, a derivative of the derivative by the composition.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuse, registerFused, setBackend, tf } from '../../src/tensor/index.js'

test('a kernel gives value and gradient, and second derivatives come from the composition', async () => {
  await setBackend('cpu')
  const calls: string[] = []
  // Of gate · up alone, so that all derivatives are known: d/dgate = up, d/dup = gate, d²/dgate dup = 1.
  const product = fuse('siluTimes', ([gate, up]) => gate!.mul(up!))
  registerFused('siluTimes', 'cpu', {
    value([gate, up], _, keep) {
      calls.push('value')
      keep(gate!.add(up!))
      return gate!.mul(up!)
    },
    gradient([gate, up], dy, _, [sum]) {
      calls.push('gradient')
      assert.deepEqual([...sum!.dataSync()], [5, 7])
      return [dy.mul(up!), dy.mul(gate!)]
    },
  })
  const [gate, up] = [tf.tensor1d([2, 3]), tf.tensor1d([3, 4])]
  const before = tf.memory().numTensors
  const value = product([gate, up], {})
  assert.deepEqual([...value.dataSync()], [6, 12])
  const slopes = tf.grads((a, b) => product([a as tf.Tensor, b as tf.Tensor], {}))([gate, up])
  assert.deepEqual(
    slopes.map((slope) => [...slope.dataSync()]),
    [
      [3, 4],
      [2, 3],
    ],
  )
  assert.deepEqual(calls, ['value', 'value', 'gradient'])
  // ∇ of Σ (∂/∂gate) · 5 with respect to up.
  const along = (b: tf.Tensor) =>
    tf
      .grad((a) => product([a as tf.Tensor, b], {}))(gate)
      .mul(5)
      .sum()
  const bends = tf.grad((b) => along(b as tf.Tensor))(up)
  assert.deepEqual([...bends.dataSync()], [5, 5])
  assert.deepEqual(calls, ['value', 'value', 'gradient', 'value'])
  tf.dispose([value, slopes, bends])
  assert.equal(tf.memory().numTensors, before)
})

test('a backend without a kernel, and what a kernel does not take, are composed', async () => {
  await setBackend('cpu')
  let taken = 0
  const scaled = fuse('standardize', ([x], { epsilon }) => x!.mul(epsilon))
  assert.deepEqual([...scaled([tf.tensor1d([1, 2])], { epsilon: 3 }).dataSync()], [3, 6])
  registerFused('standardize', 'cpu', {
    takes: ({ epsilon }) => epsilon === 1,
    value: ([x]) => (taken++, x!.clone()),
    gradient: (_, dy) => [dy],
  })
  assert.deepEqual([...scaled([tf.tensor1d([1, 2])], { epsilon: 3 }).dataSync()], [3, 6])
  scaled([tf.tensor1d([1, 2])], { epsilon: 1 })
  assert.equal(taken, 1)
})
