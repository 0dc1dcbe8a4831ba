// Low-rank factors against mergekit's extraction of adapters.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { bytesOf, type Factors, factorsOf } from '../../src/codecs/index.js'
import { setBackend, svd, type Tensor, type Tensor2D, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { cases, deltas, readAll } from '../editors/fixtures.js'

before(() => setBackend(BACKEND))

/** B A. */
async function productOf({ shape: [rows, columns], a, b }: Factors): Promise<Float32Array> {
  const rank = a.length / columns
  if (rank === 0) return new Float32Array(rows * columns)
  const product = tf.tidy(() => tf.matMul(tf.tensor2d(b, [rows, rank]), tf.tensor2d(a, [rank, columns])))
  const values = (await product.data()) as Float32Array
  product.dispose()
  return values
}

function within(actual: Float32Array, expected: ArrayLike<number>, rtol: number, atol: number, name: string) {
  assert.equal(actual.length, expected.length)
  actual.forEach((value, i) =>
    assertClose(
      value,
      expected[i]!,
      { tolerance: rtol * Math.abs(expected[i]!) + atol },
      `${name}[${i}]: ${value} against ${expected[i]}`,
    ),
  )
}

for (const reference of cases.filter(({ id }) => id.startsWith('lora'))) {
  test(reference.id, async () => {
    const expected = readAll(reference.expected)
    const { rank, distribute_scale: distributed } = reference.parameters
    const { rtol, atol } = reference.tolerance as { kind: 'close'; rtol: number; atol: number }
    for (const [name, { shape, values }] of deltas('ft1')) {
      if (!expected.has(`absA:${name}`)) continue
      const x: Tensor = tf.tensor(values, shape)
      const factors = factorsOf(await svd(x as Tensor2D), rank, { distributed })
      x.dispose()
      assert.equal(bytesOf(factors), 4 * rank * (shape[0]! + shape[1]!))
      within(await productOf(factors), expected.get(name)!.values, rtol, atol, name)
      for (const [part, actual] of [
        ['A', factors.a],
        ['B', factors.b],
      ] as const) {
        const wanted = expected.get(`abs${part}:${name}`)!.values
        const largest = wanted.reduce((most: number, value: number) => Math.max(most, value), 0)
        within(actual.map(Math.abs), wanted, 0, 1e-4 * largest, `${part} of ${name}`)
      }
    }
  })
}

test('a threshold leaves small triplets out, and an empty product is zero', async () => {
  const x = tf.tensor2d([
    [3, 0],
    [0, 0.5],
  ])
  const found = await svd(x)
  x.dispose()
  assert.equal(factorsOf(found, 2, { threshold: 1 }).a.length, 2)
  assert.equal(factorsOf({ ...found, s: Float64Array.of(3, 0.5) }, 2, { threshold: 0.5 }).a.length, 2)
  assert.deepEqual(await productOf(factorsOf(found, 2, { threshold: 5 })), new Float32Array(4))
})
