// The assertion of the tests themselves: what is near, what is not, and what it says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from './close.js'

test('numbers within the tolerance pass; others are shown with their place and the tolerance', () => {
  assertClose(1.5, 1, { tolerance: 0.5 })
  assertClose([1, 2, 3], [1, 2, 3], {})
  assertClose([99, -101], [100, -100], { relative: 0.01 })
  assertClose(Float32Array.of(2, 2), 2, { tolerance: 1e-9 })
  const fails = (work: () => void, message: string | RegExp) => assert.throws(work, { message })
  fails(() => assertClose(2, 1, { tolerance: 0.5 }, 'x'), 'x: 2 is not 1: they differ by 1, allowed is 0.5')
  fails(
    () => assertClose([1, 3], [1, 1], { tolerance: 1, relative: 0.5 }, 'w'),
    'w, entry 1 of 2: 3 is not 1: they differ by 2, allowed is 1.5',
  )
  fails(() => assertClose(Number.NaN, 1, { tolerance: 9 }), /NaN is not 1/)
  fails(() => assertClose(1, Number.NaN, { tolerance: Infinity }), /1 is not NaN/)
  fails(() => assertClose([1], [1, 2], { tolerance: 9 }), /the number of values/)
})
