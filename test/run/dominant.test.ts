// Tensors that dominate a delta: which they are, and the norms of what is left, by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutDominant } from '../../src/run/dominant.js'

const map = (squares: Record<string, [delta: number, change: number]>) =>
  new Map(Object.entries(squares).map(([name, [delta, change]]) => [name, { delta, change }]))

test('a tensor dominates with more than a tenth of the squared norm; the rest is without it, whatever the edit did to it', () => {
  // 100 in all: 10 is a tenth and not more; 36 and 30 are more.
  const found = withoutDominant(
    map({ bias: [9, 4], key: [10, 5], pooler: [30, 30], value: [15, 0], embedding: [36, 7] }),
  )
  assert.deepEqual(found, {
    dominant: { embedding: 0.36, pooler: 0.3, value: 0.15 },
    deltaNorm: Math.sqrt(19),
    editNorm: 3,
  })
  assert.deepEqual(Object.keys(found.dominant), ['embedding', 'pooler', 'value'], 'the largest first')
})

test('of many equal tensors none dominates, of few all do; a delta of zeros has none', () => {
  const equal = (count: number) => map(Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, [1, 1]])))
  assert.deepEqual(withoutDominant(equal(16)), { dominant: {}, deltaNorm: 4, editNorm: 4 })
  const few = withoutDominant(equal(4))
  assert.deepEqual([few.dominant, few.deltaNorm, few.editNorm], [{ t0: 0.25, t1: 0.25, t2: 0.25, t3: 0.25 }, 0, 0])
  assert.deepEqual(withoutDominant(map({ a: [0, 0] })), { dominant: {}, deltaNorm: 0, editNorm: 0 })
})
