// Keyed random numbers: known answers of Random123, the same bits on every backend and in blocks.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type Key,
  keyedFactors,
  keyedNormal,
  keyedSelect,
  keyedUniform,
  normals,
  setBackend,
  tf,
  uniformAt,
  uniforms,
} from '../../src/tensor/index.js'
import { eachWord, philox } from '../../src/tensor/philox.js'
import { assertClose } from '../close.js'

const key: Key = [0xa4093822, 0x299f31d0]
const ramp = (size: number) => tf.tensor1d(Float32Array.from({ length: size }, (_, i) => Math.fround((i % 7) - 3.3)))

async function on(backend: string, make: () => tf.Tensor): Promise<Float32Array> {
  await tf.setBackend(backend)
  const out = make()
  const values = (await out.data()) as Float32Array
  out.dispose()
  return values
}

before(() => setBackend('wasm'))

test('the known answers of Random123', () => {
  const cases = [
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ]
  const words = (text: string) => text.split(' ').map((word) => parseInt(word, 16))
  for (const [counter, k, answer] of cases) {
    assert.deepEqual(
      [...Uint32Array.from(philox(Int32Array.from(words(counter!)), words(k!) as unknown as Key))],
      words(answer!),
    )
  }
})

describe('keyedSelect', () => {
  const selection = { rate: 0.3, dropped: -0.5, kept: 1.7 }

  test('gives the same bits on cpu and wasm for every size and offset, past 2^32 counters too', async () => {
    const sizes = fc.integer({ min: 1, max: 150 })
    const offsets = fc.oneof(
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.integer({ min: 2 ** 34 - 40, max: 2 ** 34 }),
    )
    await fc.assert(
      fc.asyncProperty(sizes, offsets, fc.double({ min: 0, max: 1, noNaN: true }), async (size, offset, rate) => {
        const edit = () => tf.tidy(() => keyedSelect(ramp(size), key, { ...selection, rate, offset }))
        assert.deepEqual(await on('wasm', edit), await on('cpu', edit))
        const draws = uniforms(size, key, offset) // the JavaScript twin of the kernel
        const factors = draws.map((u) => (u < rate ? selection.dropped : selection.kept))
        assert.deepEqual(keyedFactors(size, key, { ...selection, rate, offset }), factors)
      }),
      { numRuns: 60, seed: 1 },
    )
  })

  test('factors outside a backend are drawn in blocks that join', () => {
    const size = 3 * 2 ** 16 + 5
    const factors = keyedFactors(size, key, { ...selection, offset: 7 })
    assert.deepEqual(
      factors,
      uniforms(size, key, 7).map((u) => (u < selection.rate ? selection.dropped : selection.kept)),
    )
  })

  test('drops where keyedUniform is below the rate', async () => {
    const u = await on('wasm', () => keyedUniform([1001], key, 5))
    const out = await on('wasm', () =>
      tf.tidy(() => keyedSelect(tf.ones([1001]), key, { rate: 0.3, dropped: 2, kept: 3, offset: 5 })),
    )
    assert.deepEqual(
      [...out],
      [...u].map((value) => (value < 0.3 ? 2 : 3)),
    )
  })

  test('masks nest across rates', async () => {
    const dropped = async (rate: number) =>
      on('wasm', () => tf.tidy(() => keyedSelect(tf.ones([5000]), key, { rate, dropped: 0, kept: 1 })))
    const [low, high] = [await dropped(0.2), await dropped(0.6)]
    assert.ok(low.every((kept, i) => kept >= high[i]!))
    assert.notDeepEqual(low, high)
  })

  test('blocks make the whole', async () => {
    const whole = await on('wasm', () => tf.tidy(() => keyedSelect(ramp(103), key, selection)))
    const blocks = await on('wasm', () =>
      tf.tidy(() =>
        tf.concat(
          [
            [0, 17],
            [17, 50],
            [67, 36],
          ].map(([offset, size]) => keyedSelect(ramp(103).slice(offset!, size), key, { ...selection, offset })),
        ),
      ),
    )
    assert.deepEqual(blocks, whole)
  })

  test('keeps shape and input, makes one tensor', async () => {
    for (const backend of ['wasm', 'cpu']) {
      await tf.setBackend(backend)
      const x = tf.ones([3, 5])
      const before = tf.memory().numTensors
      const out = keyedSelect(x, key, selection)
      assert.equal(tf.memory().numTensors, before + 1)
      assert.deepEqual(out.shape, [3, 5])
      assert.equal((await x.data())[0], 1)
      tf.dispose([x, out])
    }
  })

  test('rate 0 keeps all, rate 1 drops all', async () => {
    assert.ok(
      (
        await on('wasm', () => tf.tidy(() => keyedSelect(tf.ones([999]), key, { ...selection, rate: 0, kept: 2 })))
      ).every((v) => v === 2),
    )
    assert.ok(
      (
        await on('wasm', () => tf.tidy(() => keyedSelect(tf.ones([999]), key, { ...selection, rate: 1, dropped: 4 })))
      ).every((v) => v === 4),
    )
  })
})

test('uniforms and normals have their moments', async () => {
  const n = 40000
  const moments = (values: Float32Array) => {
    const mean = values.reduce((sum, v) => sum + v, 0) / n
    return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n }
  }
  const uniform = moments(await on('wasm', () => keyedUniform([n], key)))
  assertClose(uniform.mean, 0.5, { tolerance: 4 * Math.sqrt(1 / 12 / n) })
  assertClose(uniform.variance, 1 / 12, { tolerance: 4 * Math.sqrt(1 / 180 / n) })
  const values = await on('wasm', () => keyedNormal([n], key))
  const normal = moments(values)
  assertClose(normal.mean, 0, { tolerance: 4 / Math.sqrt(n) })
  assertClose(normal.variance, 1, { tolerance: 4 * Math.sqrt(2 / n) })
  const inside = values.filter((z) => Math.abs(z) < 1).length / n
  assertClose(inside, 0.6826895, { tolerance: 4 * Math.sqrt((0.6827 * 0.3173) / n) })
})

test('normals are Box and Muller of the words of their counters, at any offset and across blocks', () => {
  const define = (size: number, offset: number) => {
    const values = new Float32Array(size)
    eachWord(size, key, { offset, stream: 1 }, (i, words, lane) => {
      const [u, v] = [0, 1].map((j) => words[(lane & 2) + j]! >>> 0)
      const radius = Math.sqrt(-2 * Math.log((u! + 1) * 2 ** -32))
      values[i] = radius * (lane & 1 ? Math.sin : Math.cos)(2 * Math.PI * v! * 2 ** -32)
    })
    return values
  }
  for (const size of [0, 1, 2, 3, 5, 65535, 65536, 65539])
    for (const offset of [0, 1, 2, 3, 65534, 2 ** 34 - 3, 2 ** 40 + 1])
      assert.deepEqual(normals(size, key, offset), define(size, offset), `${size} from ${offset}`)
})

test('another key and another offset give other draws', async () => {
  const draw = (k: Key, offset: number) => on('wasm', () => keyedNormal([64], k, offset))
  const here = await draw(key, 0)
  assert.notDeepEqual(await draw([1, 2], 0), here)
  assert.deepEqual((await draw(key, 6)).slice(0, 50), here.slice(6, 56))
})

test('uniformAt is uniform, and its indices are independent of one another', () => {
  const n = 20000
  const values = Array.from({ length: n }, (_, i) => uniformAt(key, i))
  const mean = values.reduce((sum, v) => sum + v, 0) / n
  const pairs = values.reduce((sum, v, i) => sum + (v - 0.5) * (values[(i + 1) % n]! - 0.5), 0) / n
  assert.ok(Math.min(...values) >= 0 && Math.max(...values) < 1)
  assertClose(mean, 0.5, { tolerance: 4 * Math.sqrt(1 / 12 / n) })
  assertClose(pairs, 0, { tolerance: 4 / 12 / Math.sqrt(n) })
  assert.notEqual(uniformAt(key, 2 ** 32), uniformAt(key, 0))
})
