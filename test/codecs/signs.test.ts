// BitDelta's stored form against the reference words, scales and bf16 weights, and by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addSigns, bytesOf, encodeSigns } from '../../src/codecs/index.js'
import { assertClose } from '../close.js'
import { deltas, readAll, readTensors, roundBf16 } from '../editors/fixtures.js'

for (const [id, model] of [
  ['bitdelta', 'ft1'],
  ['bitdelta-zeros', 'ft4'],
]) {
  test(`${id}: the words and the scale of the reference`, () => {
    const expected = readAll(`editors/${id}.safetensors`)
    let seen = 0
    for (const [name, { shape, values }] of deltas(model!)) {
      const wanted = expected.get(`packed:${name}`)
      if (!wanted) continue
      const signs = encodeSigns(values, shape)
      assert.deepEqual<unknown>(signs.words, wanted.values)
      assert.deepEqual([signs.words.length / shape[0]!, shape[0]], wanted.shape)
      assertClose(signs.alpha[0]! / expected.get(`alpha:${name}`)!.values[0]!, 1, { tolerance: 1e-5 })
      assert.equal(bytesOf(signs), values.length / 8 + 4)
      seen++
    }
    assert.ok(seen >= 3)
  })
}

test('bitdelta in bf16: words and weights exactly', () => {
  const [base, post] = ['base', 'ft1'].map((name) => readTensors(`inputs/${name}.bf16.safetensors`))
  const expected = readAll('editors/bitdelta-bf16-ft1.safetensors')
  let seen = 0
  for (const [name, { shape, values }] of post!) {
    const weights = expected.get(`weights:${name}`)
    if (!weights) continue
    const before = base!.get(name)!.values
    const signs = encodeSigns(roundBf16(values.map((value, i) => value - before[i]!)), shape)
    assert.deepEqual(signs.words, expected.get(`packed:${name}`)!.values)
    assertClose(signs.alpha[0]! / expected.get(`alpha:${name}`)!.values[0]!, 1, { tolerance: 1e-5 })
    assert.deepEqual(addSigns(before, signs, { lines: { from: 0, to: shape[0]! }, dtype: 'BF16' }), weights.values)
    seen++
  }
  assert.equal(seen, 3)
})

test('hand-worked words: least significant bit first, zero counts as positive, padding is 0', () => {
  assert.deepEqual([...encodeSigns(Float32Array.of(1, -1, 0, 2), [4]).words], [0b1101])
  assert.deepEqual([...encodeSigns(Float32Array.of(1, -1, -1, 1), [2, 2]).words], [0b01, 0b10])
  assert.equal(encodeSigns(Float32Array.of(1, -3), [2]).alpha[0], 2)
})

test('any shape comes back: signs times the scale', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 70 }),
      fc.integer(),
      (rows, columns, seed) => {
        const delta = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * 7.1))
        const signs = encodeSigns(delta, [rows, columns], 0.5)
        assert.deepEqual(
          addSigns(new Float32Array(delta.length), signs, { lines: { from: 0, to: rows }, dtype: 'F32' }),
          delta.map((value) => (value >= 0 ? 0.5 : -0.5)),
        )
      },
    ),
  )
})
