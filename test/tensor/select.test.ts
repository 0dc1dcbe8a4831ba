// The k-th magnitude of a tensor against sorting, with ties to the lowest index.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { keepLargest, largest, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

/** The definition: sort by magnitude, then by index. */
function bySorting(values: Float32Array, k: number): Float32Array {
  const order = [...values.keys()].sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b)
  const out = new Float32Array(values.length)
  for (const i of order.slice(0, k)) out[i] = values[i]!
  return out
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true })
const tied = fc.constantFrom(-2, -1, -0.5, 0, 0.5, 1, 2, 1e-40, -1e-40).map(Math.fround)
const cases = fc.array(fc.oneof(finite, tied), { minLength: 1, maxLength: 60 }).chain((array) =>
  fc.record({
    values: fc.constant(Float32Array.from(array)),
    k: fc.integer({ min: 0, max: array.length }),
    cut: fc.integer({ min: 0, max: array.length }),
  }),
)

for (const backend of ['wasm', 'cpu'] as const) {
  test(`${backend}: keeps exactly the k largest, ties by lowest index, whole and in two blocks`, async () => {
    await setBackend(backend)
    await fc.assert(
      fc.asyncProperty(cases, async ({ values, k, cut }) => {
        const at = largest(values, k)
        const parts = [values.slice(0, cut), values.slice(cut)]
        const blocks: number[] = []
        for (const [i, part] of parts.entries()) {
          if (part.length === 0) continue
          const out = tf.tidy(() => keepLargest(tf.tensor1d(part), at, { offset: i * cut }))
          blocks.push(...(await out.data()))
          out.dispose()
        }
        assert.deepEqual(
          blocks.map((v) => v + 0),
          [...bySorting(values, k)].map((v) => v + 0),
        )
      }),
      { numRuns: 300, seed: 2 },
    )
  })
}

test('a hand-worked case: two of three equal entries', () => {
  assert.deepEqual(largest(Float32Array.of(1, -3, 2, -2, 2, 0), 3), { threshold: 2, lastTie: 3, ties: 3 })
  assert.deepEqual(largest(Float32Array.of(5), 1), { threshold: 5, lastTie: 0, ties: 1 })
  assert.throws(() => largest(Float32Array.of(5), 2), /cannot keep 2 of 1/)
})

test('scale multiplies what is kept', async () => {
  await tf.setBackend(BACKEND)
  const x = tf.tensor2d([[1, -4, 2, 3, 0.5]])
  const out = keepLargest(x, largest(Float32Array.of(1, -4, 2, 3, 0.5), 2), { scale: 10 })
  assert.deepEqual([...(await out.data())], [0, -40, 0, 30, 0])
  assert.deepEqual(out.shape, [1, 5])
})
