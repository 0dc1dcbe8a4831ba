// Seeds × scalars: the same bits again, in any arrangement of the work.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../src/codecs/index.js'
import { addSeeds, directionOf } from '../../src/kernels/index.js'
import { assertClose } from '../close.js'

test('directions are standard normal, and differ by number, tensor and seed', () => {
  const z = directionOf(3, 5, { tensor: 'w' }, 40000)
  const mean = z.reduce((sum, value) => sum + value, 0) / z.length
  const variance = z.reduce((sum, value) => sum + value * value, 0) / z.length
  assertClose(mean, 0, { tolerance: 4 / Math.sqrt(z.length) })
  assertClose(variance, 1, { tolerance: 4 * Math.sqrt(2 / z.length) })
  for (const other of [
    directionOf(4, 5, { tensor: 'w' }, 9),
    directionOf(3, 6, { tensor: 'w' }, 9),
    directionOf(3, 5, { tensor: 'v' }, 9),
  ]) {
    assert.notDeepEqual(other, z.slice(0, 9))
  }
  assert.deepEqual(directionOf(3, 5, { tensor: 'w' }, 9), z.slice(0, 9))
})

test('adding seeds is what steps one after the other do, rounding after each', () => {
  const scalars = Float32Array.of(0.25, 0, -1.5)
  const weights = Float32Array.of(1, -2, 3e7, 0)
  const expected = weights.slice()
  for (const k of [0, 2]) {
    const z = directionOf(9, k, { tensor: 'w' }, 4)
    for (let i = 0; i < 4; i++) expected[i] = Math.fround(expected[i]! + scalars[k]! * z[i]!)
  }
  addSeeds(weights, { tensor: 'w' }, { seed: 9, scalars })
  assert.deepEqual(weights, expected)
})

test('a piece of a tensor gets what the whole gives it', () => {
  const seeds = { seed: 5, scalars: Float32Array.of(0.5, -0.25) }
  const whole = new Float32Array(40000)
  addSeeds(whole, { tensor: 'w' }, seeds)
  for (const [from, size] of [
    [0, 7],
    [3, 20000],
    [16385, 23615],
  ] as const) {
    const part = new Float32Array(size)
    addSeeds(part, { tensor: 'w', from }, seeds)
    assert.deepEqual(part, whole.slice(from, from + size))
  }
})

test('4096 scalars take 16 KiB', () => assert.equal(bytesOf({ seed: 1, scalars: new Float32Array(4096) }), 16384))
