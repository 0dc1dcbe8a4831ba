// The formats of mergekit's operations: rounding by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { convert } from '../../src/mergekit/index.js'

test('numbers that are halves of a last place are rounded to even, and too large ones to infinity', () => {
  assert.deepEqual(
    [...convert(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -(2 ** -24), 65519, 65520), 'BF16')],
    [1, 1 + 2 ** -6, -(2 ** -24), 65536, 65536],
  )
  assert.deepEqual(
    [...convert(Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, -(2 ** -25), 3 * 2 ** -25, 65519, 65520), 'F16')],
    [1, 1 + 2 ** -9, -0, 2 ** -23, 65504, Infinity],
  )
})
