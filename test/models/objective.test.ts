// Losses where the vocabulary comes in parts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPart, crossEntropies, finishParts, partPull } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

test('a part of one class, and a head of one class, are as any other', async () => {
  await setBackend(BACKEND)
  const logits = tf.tensor2d([1, 2, 0.5, -1, 0, 3], [2, 3])
  const labels = tf.tensor1d([2, 1], 'int32')
  const parts = [0, 1, 2].map((from) => ({ outputs: logits.slice([0, from], [2, 1]), labels, from }))
  const state = parts.reduce((state, part) => addPart('causal', state, part), null as ReturnType<typeof addPart> | null)
  // log(e¹ + e² + e^½) − ½ and log(e⁻¹ + e⁰ + e³) − 0.
  const right = [1.9644, 3.0659]
  for (const losses of [finishParts(state!), crossEntropies(logits, labels)])
    losses.dataSync().forEach((loss, i) => assert.ok(Math.abs(loss - right[i]!) < 1e-4, `${loss}`))
  const pulls = parts.map(({ outputs, from }) => tf.grad((x) => partPull(x, labels, from, state!.high))(outputs))
  const whole = tf.grad((x) => crossEntropies(x, labels).sum())(logits)
  assert.ok(tf.concat(pulls, 1).sub(whole).abs().max().dataSync()[0]! < 1e-6)
  const one = crossEntropies(tf.tensor2d([[4], [-7]]), tf.tensor1d([0, 0], 'int32'))
  assert.deepEqual([...one.dataSync()], [0, 0])
})
