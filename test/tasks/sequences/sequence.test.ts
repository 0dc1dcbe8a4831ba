// Padded batches: where the ids, masks and labels lie, and that no item is lost.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { batchesOf, IGNORED, padBatch } from '../../../src/models/index.js'
import { sequencesOf } from '../../../src/tasks/index.js'

test('the prompt gets what the post-processor adds, the answer ends in end-of-text', async () => {
  const encode = async (texts: readonly string[], { special = false } = {}) =>
    texts.map((text) => [...(special ? [1] : []), ...[...text].map((letter) => letter.charCodeAt(0))])
  assert.deepEqual(await sequencesOf([{ prompt: 'ab', target: 'c' }], { encode, eos: 2 }), [
    { prompt: [1, 97, 98], target: [99, 2] },
  ])
})

test('a batch is padded on the right and labels the answers only', () => {
  const sequences = [
    { prompt: [5, 6, 7], target: [8, 2] },
    { prompt: [3], target: [4, 2] },
  ]
  const batch = padBatch(sequences, [1, 0], 9)
  const x = IGNORED
  assert.deepEqual([batch.rows, batch.columns, [...batch.items]], [2, 5, [1, 0]])
  assert.deepEqual([...batch.ids], [3, 4, 2, 9, 9, 5, 6, 7, 8, 2])
  assert.deepEqual([...batch.mask], [1, 1, 1, 0, 0, 1, 1, 1, 1, 1])
  assert.deepEqual([...batch.labels], [x, 4, 2, x, x, x, x, x, 8, 2])
  assert.deepEqual([...batch.positions], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
})

test('every item is in one batch, and no batch of several rows is above the limit', () => {
  const sequence = fc.record({
    prompt: fc.array(fc.nat(9), { maxLength: 12 }),
    target: fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }),
  })
  fc.assert(
    fc.property(fc.array(sequence, { maxLength: 40 }), fc.integer({ min: 1, max: 80 }), (sequences, limit) => {
      const batches = batchesOf(sequences, 0, limit)
      const items = batches.flatMap((batch) => [...batch.items])
      assert.deepEqual(
        items.toSorted((a, b) => a - b),
        [...sequences.keys()],
      )
      for (const { rows, columns } of batches) assert.ok(rows === 1 || rows * columns <= limit)
    }),
  )
})
