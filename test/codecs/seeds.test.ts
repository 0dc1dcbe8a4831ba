// Seeds × scalars: the same bits again, in any arrangement of the work.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addSeeds, bytesOf, directionOf } from '../../src/codecs/index.js'
import { assertClose } from '../close.js'

test('directions are standard normal, and differ by number, tensor and seed', () => {
  const z = directionOf(3, 5, 'w', 40000)
  const mean = z.reduce((sum, value) => sum + value, 0) / z.length
  const variance = z.reduce((sum, value) => sum + value * value, 0) / z.length
  assertClose(mean, 0, { tolerance: 4 / Math.sqrt(z.length) })
  assertClose(variance, 1, { tolerance: 4 * Math.sqrt(2 / z.length) })
  for (const other of [directionOf(4, 5, 'w', 9), directionOf(3, 6, 'w', 9), directionOf(3, 5, 'v', 9)]) {
    assert.notDeepEqual(other, z.slice(0, 9))
  }
  assert.deepEqual(directionOf(3, 5, 'w', 9), z.slice(0, 9))
})

test('adding seeds is what steps one after the other do, rounding after each', () => {
  const scalars = Float32Array.of(0.25, 0, -1.5)
  const weights = Float32Array.of(1, -2, 3e7, 0)
  const expected = weights.slice()
  for (const k of [0, 2]) {
    const z = directionOf(9, k, 'w', 4)
    for (let i = 0; i < 4; i++) expected[i] = Math.fround(expected[i]! + scalars[k]! * z[i]!)
  }
  addSeeds(weights, 'w', { seed: 9, scalars })
  assert.deepEqual(weights, expected)
})

test('4096 scalars take 16 KiB', () => assert.equal(bytesOf({ seed: 1, scalars: new Float32Array(4096) }), 16384))
