// Warnings that differ only in the tensor or in numbers are one kind: by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectWarnings } from '../../src/errors/index.js'

test('a line for each kind, with the first tensor and the number of others', () => {
  const { warn, kinds, summary } = collectWarnings()
  assert.equal(summary(), null)
  for (const text of ['a: 3 of 9 tied', 'b: 4 of 9 tied', 'b: 5 of 9 tied', 'b: all: gone', 'of no tensor']) warn(text)
  assert.deepEqual(kinds(), ['3 of 9 tied (a and 1 more)', 'all: gone (b)', 'of no tensor'])
  assert.equal(summary(), '3 of 9 tied (a and 1 more); all: gone (b); of no tensor')
  warn('c: one more')
  assert.equal(summary(), '3 of 9 tied (a and 1 more); all: gone (b); of no tensor; and 1 more kinds')
})
