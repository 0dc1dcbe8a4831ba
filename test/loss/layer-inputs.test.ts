// Inputs of linear layers by hand, without padding, and freed.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { layerInputs } from '../../src/loss/index.js'
import { padBatch } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { model } from './chain.js'

before(() => setBackend(BACKEND))

test('what each layer is fed, batch after batch, padding left out', async () => {
  const weights = {
    embed: tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    'up.weight': tf.tensor2d([
      [1, 0],
      [0, 1],
      [1, 1],
    ]),
    'down.weight': tf.zeros([3, 3]),
  }
  const sequences = [
    { prompt: [0], target: [1] },
    { prompt: [2], target: [] },
    { prompt: [1], target: [] },
  ]
  const tensors = tf.memory().numTensors
  const fed = await layerInputs(
    model,
    weights,
    [padBatch(sequences, [0, 1], 0), padBatch(sequences, [2], 0)],
    ['up.weight', 'down.weight', 'embed'],
  )
  assert.equal(tf.memory().numTensors, tensors)
  assert.deepEqual([...fed.keys()], ['up.weight', 'down.weight'])
  assert.deepEqual(fed.get('up.weight'), { tokens: 4, values: Float32Array.of(1, 2, 3, 4, 5, 6, 3, 4) })
  assert.deepEqual(fed.get('down.weight'), { tokens: 4, values: Float32Array.of(1, 2, 3, 3, 4, 7, 5, 6, 11, 3, 4, 7) })
  tf.dispose(weights)
})
