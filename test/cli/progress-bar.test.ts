// The bar of bytes: its rate and the time left, by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateText } from '../../src/cli/progress-bar.js'

test('a rate is of the bytes that this run wrote, and the time left is what is left at that rate', () => {
  assert.equal(rateText(300e6, 600e6, 2), '150.0 MB/s · 4 s left')
  assert.equal(rateText(1e9, 131e9, 1), '1.0 GB/s · 2 min 11 s left')
  assert.equal(rateText(5e3, 0, 1), '5.0 kB/s · 0 s left')
})

test('before anything is written there is no rate', () => {
  assert.equal(rateText(0, 600e6, 2), 'no rate yet')
  assert.equal(rateText(0, 600e6, 0), 'no rate yet')
})
