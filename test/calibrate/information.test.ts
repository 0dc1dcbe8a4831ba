// Gram matrices by hand, Fisher diagonals by finite differences, on a model of an embedding and two linear layers.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { lossOf } from '../../src/loss/index.js'
import { fisherDiagonals, gramMatrices } from '../../src/loss/information.js'
import { imageBatch, type Model, padBatch } from '../../src/models/index.js'
import { linear } from '../../src/models/layers.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { model } from '../loss/chain.js'

before(() => setBackend(BACKEND))

const values = {
  embed: [1, 2, 3, 4, 5, 6].map((x) => x / 5),
  'up.weight': [1, 0, 0, 1, 1, 1],
  'down.weight': [0.3, -0.2, 0.1, 0.5, 0.4, -0.6, -0.1, 0.2, 0.7],
}
const weightsOf = (all: Record<string, number[]>) =>
  Object.fromEntries(Object.entries(all).map(([name, list]) => [name, tf.tensor(list, model.shapes[name])]))
const sequences = [
  { prompt: [0], target: [1, 2] },
  { prompt: [2], target: [0] },
  { prompt: [1], target: [1] },
]

test('Gram matrices: XᵀX over the real tokens, per token', async () => {
  const weights = weightsOf({ ...values, embed: [1, 2, 3, 4, 5, 6] })
  const before = tf.memory().numTensors
  const short = [
    { prompt: [0], target: [1] },
    { prompt: [2], target: [] },
    { prompt: [1], target: [] },
  ]
  const batches = [padBatch(short, [0, 1], 0), padBatch(short, [2], 0)]
  const found = await gramMatrices(model, weights, batches)
  assert.equal(tf.memory().numTensors, before)
  // Rows (1, 2), (3, 4), (5, 6), (3, 4).
  assert.deepEqual(
    [...found.get('up.weight')!],
    [44, 56, 56, 72].map((x) => x / 4),
  )
  assert.equal(found.get('down.weight')!.length, 9)
  tf.dispose(weights)
})

test('of pictures every place of the sequence counts', async () => {
  const places: Model = {
    ...model,
    objective: 'classes',
    vocabulary: 0,
    sequence: 2,
    shapes: { 'up.weight': [3, 2] },
    linear: ['up.weight'],
    blocks: [
      {
        name: 'up',
        weights: ['up.weight'],
        apply: (weights, _, { batch }) => linear(tf.tensor2d(batch.pixels!, [4, 2]), weights, 'up'),
      },
    ],
  }
  const weights = { 'up.weight': tf.tensor2d(values['up.weight'], [3, 2]) }
  const found = await gramMatrices(places, weights, [imageBatch(Float32Array.of(1, 2, 3, 4, 5, 6, 3, 4), [0, 1])])
  assert.deepEqual(
    [...found.get('up.weight')!],
    [44, 56, 56, 72].map((x) => x / 4),
  )
  tf.dispose(weights)
})

test('a layer of the encoder has the tokens of the prompts, without padding', async () => {
  const weights = { 'up.weight': tf.tensor2d(values['up.weight'], [3, 2]) }
  const encoding: Model = {
    ...model,
    encoded: ['up.weight'],
    shapes: { 'up.weight': [3, 2] },
    linear: ['up.weight'],
    blocks: [
      {
        name: 'up',
        weights: ['up.weight'],
        apply: (weights) => linear(tf.tensor2d([1, 2, 3, 4, 5, 6, 9, 9], [4, 2]), weights, 'up'),
      },
    ],
  }
  const answer = padBatch([{ prompt: [0], target: [1] }], [0], 0)
  const prompt = { columns: 4, ids: Int32Array.of(0, 1, 2, 0), mask: Int32Array.of(1, 1, 1, 0) }
  const found = await gramMatrices(encoding, weights, [{ ...answer, encoder: prompt }])
  // Rows (1, 2), (3, 4), (5, 6); the answer has two tokens.
  assert.deepEqual([...found.get('up.weight')!], [...Float32Array.of(35 / 3, 44 / 3, 44 / 3, 56 / 3)])
  tf.dispose(weights)
})

test("Fisher diagonals: the mean over items of the squared slope of an item's loss", async () => {
  const weights = weightsOf(values)
  const items = sequences.map((_, i) => padBatch(sequences, [i], 0))
  const before = tf.memory().numTensors
  const found = await fisherDiagonals(model, weights, items)
  assert.equal(tf.memory().numTensors, before)
  tf.dispose(weights)
  const lossAt = async (name: keyof typeof values, entry: number, step: number): Promise<number[]> => {
    const moved = weightsOf({ ...values, [name]: values[name].map((value, i) => (i === entry ? value + step : value)) })
    const sums = []
    for (const item of items) sums.push((await lossOf(model, moved, [item])).itemSums.reduce((a, b) => a + b, 0))
    tf.dispose(moved)
    return sums
  }
  for (const [name, entry] of [
    ['up.weight', 1],
    ['up.weight', 4],
    ['down.weight', 5],
    ['embed', 4],
  ] as const) {
    const [up, down] = [await lossAt(name, entry, 0.01), await lossAt(name, entry, -0.01)]
    const expected = up.reduce((sum, loss, i) => sum + ((loss - down[i]!) / 0.02) ** 2 / items.length, 0)
    const actual = found.get(name)![entry]!
    assert.ok(expected > 1e-4)
    assertClose(actual, expected, { relative: 5e-3 }, `${name}[${entry}]`)
  }
})

test('beside an encoder the last token of an answer is fed to no layer', async () => {
  const weights = weightsOf({ ...values, embed: [1, 2, 3, 4, 5, 6] })
  const batches = [padBatch([{ prompt: [0], target: [1, 2] }], [0], 0)]
  const found = await gramMatrices({ ...model, start: 0 }, weights, batches)
  // Rows (1, 2), (3, 4): 5, 6 is that of the last one.
  assert.deepEqual(
    [...found.get('up.weight')!],
    [10, 14, 14, 20].map((x) => x / 2),
  )
  tf.dispose(weights)
})
