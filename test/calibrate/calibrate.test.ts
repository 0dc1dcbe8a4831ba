// The search for q on losses with a known minimum; distillation on a table of logits, where the best scale is known, and of a decoder.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { calibrateDarex, distillScales, searchQ } from '../../src/calibrate/index.js'
import { type Model, padBatch } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { openFixture } from '../models/fixture.js'

before(() => setBackend(BACKEND))

test('the search finds the minimum to half a hundredth of the range, within (1 - p, 1)', async () => {
  for (const best of [0.0137, 0.05, 0.2512, 0.9]) {
    const { q, loss, tried } = await searchQ(0.99, async (x) => Math.log(x / best) ** 2)
    assertClose(q, best, { tolerance: 0.00496 })
    assert.equal(loss, Math.min(...tried.map((one) => one.loss)))
    assert.ok(tried.every((one) => one.q >= 0.01 && one.q <= 1) && tried.length <= 30)
  }
})

test('ends of the range are DARE and drop-only', async () => {
  assert.equal((await searchQ(0.9, async (q) => q)).q, 0.1)
  assert.equal((await searchQ(0.9, async (q) => -q)).q, 1)
})

const table: Model = {
  architecture: 'table',
  objective: 'causal',
  vocabulary: 3,
  outputs: 3,
  positions: 4,
  width: 3,
  heads: 1,
  shapes: { table: [3, 3] },
  linear: ['table'],
  tables: () => ({}),
  blocks: [
    {
      name: 'table',
      weights: ['table'],
      apply: ({ table: rows }, _, { ids, wanted }) => tf.gather(rows!, tf.gather(ids.flatten(), wanted!).toInt()),
    },
  ],
}

test('distilled scales: the mean magnitude of the rows that the data use; everything is freed, inputs stay', async () => {
  const batch = padBatch(
    [
      { prompt: [0, 0], target: [0] },
      { prompt: [0], target: [0] },
    ],
    [0, 1],
    2,
  )
  const [base, post] = [
    { table: tf.zeros([3, 3]) },
    {
      table: tf.tensor2d([
        [1, -2, 3],
        [9, 9, 9],
        [-9, 9, 9],
      ]),
    },
  ]
  const tensors = tf.memory().numTensors
  const { scales, initial, errors } = await distillScales(table, { base, post, names: ['table'] }, [batch], {
    steps: 200,
    rate: 0.05,
  })
  assert.equal(tf.memory().numTensors, tensors)
  assertClose(initial.get('table')!, 60 / 9, { tolerance: 1e-5 })
  assertClose(scales.get('table')!, 2, { tolerance: 0.02 })
  // Errors of 1, 0 and 1 are left; at the start each is 60/9 less its own.
  assertClose(errors.at(-1)!, 2 / 3, { tolerance: 1e-3 })
  assertClose(errors[0]!, [1, 2, 3].reduce((sum, size) => sum + (60 / 9 - size) ** 2, 0) / 3, { tolerance: 1e-4 })
  assert.deepEqual([...(await post.table.data())], [1, -2, 3, 9, 9, 9, -9, 9, 9])
  tf.dispose([base, post])
})

test('distilled scales of a decoder are nearer to post than those they began with', async () => {
  const { model, base, post, batch } = await openFixture('llama3')
  const options = { steps: 10, rate: 0.05 }
  const { errors } = await distillScales(model, { base, post, names: model.linear }, [batch('main')], options)
  assert.ok(errors.at(-1)! < 0.9 * errors[0]!, `${errors}`)
  tf.dispose([base, post])
})

test('equal models have no delta to calibrate, and nothing is left in memory', async () => {
  const [folder, tensors] = ['checkpoints/small/base', tf.memory().numTensors]
  const how = { task: 'math', items: 4, seed: 0 }
  await assert.rejects(calibrateDarex(folder, folder, { ...how, drop_rate: 0.9 }), {
    name: 'UserError',
    message: /base and .*base have the same weights: there is no delta to calibrate$/,
  })
  assert.equal(tf.memory().numTensors, tensors)
})
