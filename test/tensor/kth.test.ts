// The k-th magnitude over parts of a whole, by passes, against sorting.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { largest, selectLargest } from '../../src/tensor/index.js'

/** Feeds the parts until the selection is done. */
function select(parts: Float32Array[], k: number) {
  const selection = selectLargest(() => k)
  for (let pass = 0; !selection.result; pass++) {
    assert.ok(pass < 3, 'three passes are enough')
    for (const part of parts) selection.add(part)
    selection.endPass()
  }
  return selection.result
}

test('a hand-worked case: ties are cut at the lowest indices, across parts', () => {
  const parts = [Float32Array.of(3, -1, 2), Float32Array.of(-2, 0), Float32Array.of(2, 5)]
  assert.deepEqual(select(parts, 0), { threshold: Infinity, lastTie: -1 })
  assert.deepEqual(select(parts, 2), { threshold: 3, lastTie: 6 })
  assert.deepEqual(select(parts, 3), { threshold: 2, lastTie: 2 })
  assert.deepEqual(select(parts, 4), { threshold: 2, lastTie: 3 })
  assert.deepEqual(select(parts, 7), { threshold: 0, lastTie: 6 })
})

test('the number of ties at the threshold is known', () => {
  const selection = selectLargest((size) => size / 2)
  while (!selection.result) {
    selection.add(Float32Array.of(1, -1, 1, 2))
    selection.endPass()
  }
  assert.equal(selection.ties, 3)
})

test('any cut into parts keeps what the whole keeps', () => {
  const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1, -1, 1.5))
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { maxLength: 9 }), { minLength: 1, maxLength: 5 }),
      fc.nat(50),
      (lists, seed) => {
        const parts = lists.map((list) => Float32Array.from(list))
        const whole = Float32Array.from(lists.flat())
        const k = seed % (whole.length + 1)
        const kept = ({ threshold, lastTie }: { threshold: number; lastTie: number }) =>
          [...whole.keys()].filter(
            (i) => Math.abs(whole[i]!) > threshold || (Math.abs(whole[i]!) === threshold && i <= lastTie),
          )
        assert.deepEqual(kept(select(parts, k)), kept(largest(whole, k)))
        assert.equal(kept(select(parts, k)).length, k)
      },
    ),
  )
})
