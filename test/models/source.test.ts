// Weights on their way to a pass: portions of a change by hand, and weights that move in portions as they do at once.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Model, portionsOf, type Rows, type Stretch, streaming } from '../../src/models/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

const WIDTH = 1 << 20

test('a tensor of more than 4M values comes in portions of whole rows, a smaller one at once', () => {
  assert.deepEqual(portionsOf([10, WIDTH], null), [
    { rows: { from: 0, to: 4 }, at: 0 },
    { rows: { from: 4, to: 8 }, at: 4 * WIDTH },
    { rows: { from: 8, to: 10 }, at: 8 * WIDTH },
  ])
  assert.deepEqual(portionsOf([10, WIDTH], { from: 3, to: 8 }), [
    { rows: { from: 3, to: 7 }, at: 0 },
    { rows: { from: 7, to: 8 }, at: 4 * WIDTH },
  ])
  assert.deepEqual(portionsOf([10, WIDTH], { from: 3, to: 7 }), [{ rows: { from: 3, to: 7 }, at: 0 }])
  assert.deepEqual(portionsOf([2, 3 * WIDTH, 2], null).length, 2, 'a row above the portion is one portion')
  assert.deepEqual(portionsOf([], null), [{ rows: null, at: 0 }])
})

test('weights W + t·T, T read in portions', async () => {
  await setBackend(BACKEND)
  // Entry i of W is i, of T its row: six rows, so two portions.
  const rowsOf = (value: (i: number) => number) => async (_: string, rows: Rows | null) => {
    const { from, to } = rows ?? { from: 0, to: 6 }
    return Float32Array.from({ length: (to - from) * WIDTH }, (__, i) => value(from * WIDTH + i))
  }
  const stretch: Stretch = { blocks: [{ name: 'only', weights: ['w'], apply: (weights) => weights.w! }], parts: [null] }
  const model = { shapes: { w: [6, WIDTH] } } as unknown as Model
  const still = streaming(
    model,
    { stretches: [stretch], together: 1, largest: 1 },
    rowsOf((i) => i),
  )
  const moved = still.moved({ names: new Set(['w']), read: rowsOf((i) => Math.floor(i / WIDTH)) }, 0.5)
  const held = (await moved.fetch(stretch, null))()
  const values = await held.weights.w!.data()
  held.dispose()
  for (const row of [0, 3, 4, 5]) assert.equal(values[row * WIDTH + 7], row * WIDTH + 7 + 0.5 * row)
})
