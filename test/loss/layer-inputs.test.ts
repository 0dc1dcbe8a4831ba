// Inputs of linear layers by hand, without padding, and freed.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { layerInputs } from '../../src/loss/index.js'
import { type Model, padBatch } from '../../src/models/index.js'
import { linear } from '../../src/models/layers.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

/** Two linear layers on rows of an embedding. */
const model: Model = {
  architecture: 'chain',
  objective: 'causal',
  vocabulary: 3,
  outputs: 3,
  positions: 4,
  width: 2,
  heads: 1,
  shapes: { embed: [3, 2], 'up.weight': [3, 2], 'down.weight': [2, 3] },
  linear: ['up.weight', 'down.weight'],
  tables: () => ({}),
  blocks: [
    { name: 'embed', weights: ['embed'], apply: ({ embed }, _, { ids }) => tf.gather(embed!, ids.flatten().toInt()) },
    { name: 'up', weights: ['up.weight'], apply: (weights, x) => linear(x!, weights, 'up') },
    { name: 'down', weights: ['down.weight'], apply: (weights, x) => linear(x!, weights, 'down') },
  ],
}

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
    'down.weight': tf.zeros([2, 3]),
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
