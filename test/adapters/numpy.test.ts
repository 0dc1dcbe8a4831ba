// NumPy's default_rng: the numbers that NumPy 2.4.6 draws from the same seeds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedNumpy } from '../../src/adapters/numpy.js'

test('choice without replacement, of few and of many, and the shuffle after it', () => {
  const drawn = (seed: number, size: number, count: number) => {
    const generator = seedNumpy(seed)
    const chosen = generator.choice(size, count)
    const order = Int32Array.from({ length: 20 }, (_, i) => i)
    generator.shuffle(order)
    return [chosen.slice(0, 4), chosen.slice(-3), [...order.subarray(0, 6)]]
  }
  assert.deepEqual(drawn(42, 37, 5), [
    [26, 15, 22, 2],
    [22, 2, 16],
    [7, 16, 4, 2, 18, 5],
  ])
  assert.deepEqual(drawn(7, 20000, 900), [
    [15415, 19710, 10572, 2075],
    [13682, 12501, 18898],
    [13, 11, 17, 19, 5, 0],
  ])
  assert.deepEqual(drawn(7, 20000, 30), [
    [5566, 5695, 6829, 16653],
    [9988, 2627, 15931],
    [1, 12, 19, 10, 13, 11],
  ])
  assert.deepEqual(drawn(2 ** 33 + 5, 10, 3), [
    [7, 6, 2],
    [7, 6, 2],
    [19, 5, 12, 17, 10, 13],
  ])
})
