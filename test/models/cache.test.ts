// Copies of a cache of keys and values: rows chosen, room taken away or added, worked out by hand on every backend.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { copyCache, disposeCache, makeCache } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

test('a copy has some rows, and less room or more', async () => {
  const cache = makeCache(2, 3)
  cache.length = 2
  cache.mask.set([1, 1, 0, 0, 1, 0])
  // One head of width 1: row 0 holds 1, 2, row 1 holds 4, 5.
  const kept = (values: number[]) => tf.tensor2d(values, [6, 1])
  cache.layers.push({ keys: kept([1, 2, 0, 4, 5, 0]), values: kept([-1, -2, 0, -4, -5, 0]) })
  for (const [rows, capacity, keys, mask] of [
    [[1], 2, [4, 5], [0, 1]],
    [[0, 1], 2, [1, 2, 4, 5], [1, 1, 0, 1]],
    [[0, 1], 3, [1, 2, 0, 4, 5, 0], [1, 1, 0, 0, 1, 0]],
    [[0], 5, [1, 2, 0, 0, 0], [1, 1, 0, 0, 0]],
  ] as const) {
    const copy = copyCache(cache, rows, capacity)
    assert.deepEqual([...(await copy.layers[0]!.keys.data())], keys)
    assert.deepEqual(
      [...(await copy.layers[0]!.values.data())].map((value) => 0 - value),
      keys,
    )
    assert.deepEqual([[...copy.mask], copy.length, copy.rows, copy.capacity], [mask, 2, rows.length, capacity])
    disposeCache(copy)
  }
  disposeCache(cache)
})
