// Chains of editors: keys of repeated steps, shared preparation, storage, and nothing left behind.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { applySteps, bitsOf, describeOptions, editorNamed, parseOptions, type Step } from '../../src/editors/index.js'
import { rankOf } from '../../src/editors/lowrank.js'
import { setBackend, svd, type Tensor2D, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { stepOf } from './step.js'

before(() => setBackend(BACKEND))

async function apply(steps: Step[], values: number[] | Float32Array, shape: number[], extra: object = {}) {
  return [...(await applySteps(steps, Float32Array.from(values), shape, { seed: 1, tensor: 'w', ...extra }))]
}

test('a chain applies its steps in order', async () => {
  const values = [1, -8, 2, 4]
  assert.deepEqual(await apply([], values, [4]), values)
  assert.deepEqual(
    await apply([stepOf('magnitude', { drop_rate: 0.5 }), stepOf('bitdelta', {})], values, [4]),
    [3, -3, 3, 3],
  )
  assert.deepEqual(
    await apply([stepOf('bitdelta', {}), stepOf('magnitude', { drop_rate: 0.5 })], values, [4]),
    [3.75, -3.75, 0, 0],
  )
  assert.deepEqual(await apply([stepOf('expo', { alpha: 1 }), stepOf('expo', { alpha: -0.5 })], values, [4]), values)
})

test('the second use of an editor in a chain draws anew', async () => {
  const half = stepOf('dare', { drop_rate: 0.5, rescale: false })
  const ones = new Float32Array(4000).fill(1)
  const twice = (await apply([half, half], ones, [4000])).filter((value) => value !== 0).length
  assertClose(twice / 4000, 0.25, { tolerance: 4 * Math.sqrt((0.25 * 0.75) / 4000) })
})

test('hand-worked magnitude: ties go to the lowest index, kept counts are trunc((1 - p) n)', async () => {
  assert.deepEqual(await apply([stepOf('magnitude', { drop_rate: 0.5 })], [1, -1, 1, 1], [4]), [1, -1, 0, 0])
  const thousand = Float32Array.from({ length: 1000 }, (_, i) => i + 1)
  const kept = async (drop_rate: number) =>
    (await apply([stepOf('magnitude', { drop_rate })], thousand, [1000])).filter((v) => v !== 0).length
  assert.equal(await kept(0.9), 100)
  assert.equal(await kept(0.7), 300)
  assert.equal(await kept(0.9999), 0)
  assert.deepEqual(
    await apply([stepOf('magnitude', { drop_rate: 0.75, rescale: true })], [1, -5, 2, 3], [4]),
    [0, -20, 0, 0],
  )
})

test('hand-worked bitdelta: zero counts as positive, blocks take their own mean, equal magnitudes share a block', async () => {
  assert.deepEqual(await apply([stepOf('bitdelta', { multiplier: 2 })], [3, -1, 0, 4], [4]), [4, -4, 4, 4])
  assert.deepEqual(await apply([stepOf('bitdelta', { blocks: 2 })], [1, -8, 2, 4], [2, 2]), [1.5, -6, 1.5, 6])
  assert.deepEqual(
    await apply([stepOf('bitdelta', { blocks: 2 })], [1, 2, -2, 9], [4]),
    [1, 13 / 3, -13 / 3, 13 / 3].map(Math.fround),
  )
})

test('relative squared error of magnitude blocks on a normal delta falls as derived for equal counts', async () => {
  const x = tf.randomNormal([40000], 0, 1, 'float32', 11)
  const values = (await x.data()) as Float32Array
  x.dispose()
  const norm = values.reduce((sum, v) => sum + v * v, 0)
  for (const [blocks, expected] of [
    [1, 0.3634],
    [2, 0.1392],
    [4, 0.0547],
    [8, 0.0221],
    [16, 0.0091],
  ]) {
    const out = await apply([stepOf('bitdelta', { blocks })], values, [40000])
    const error = out.reduce((sum, v, i) => sum + (v - values[i]!) ** 2, 0) / norm
    assertClose(error / expected!, 1, { tolerance: 0.06 }, `${blocks} blocks: ${error} against ${expected}`)
  }
})

test('drawn magnitudes have the mean of the magnitudes', async () => {
  const n = 40000
  const signs = Float32Array.from({ length: n }, (_, i) => (i % 2 ? 2 : -2))
  for (const [magnitudes, deviation] of [
    ['normal', 2],
    ['uniform', 2 / Math.sqrt(3)],
  ] as const) {
    const out = await apply([stepOf('bitdelta', { magnitudes })], signs, [n])
    const mean = out.reduce((sum, v, i) => sum + v * Math.sign(signs[i]!), 0) / n
    assertClose(mean, 2, { tolerance: (4 * deviation) / Math.sqrt(n) }, `${magnitudes}: ${mean}`)
  }
})

test('biased by product needs its gradient and follows the sign of the product', async () => {
  const biased = stepOf('biased', { by: 'product', k: 0, drop_rate: 0.5 })
  await assert.rejects(apply([biased], [1, -1], [2]), /gradient/)
  const gradient = Float32Array.of(1, 1, -1, 0)
  assert.deepEqual(await apply([biased], [3, -3, 3, -3], [4], { gradient }), [6, 0, 0, -6])
})

test('a cache shares one decomposition among the ranks of a tensor, not across tensors or earlier steps', async () => {
  const cache = new Map<string, Promise<unknown>>()
  const values = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * i))
  for (const rank of [1, 3]) await apply([stepOf('lowrank', { rank })], values, [6, 10], { cache })
  await apply([stepOf('lowrank', { energy: 0.9 })], values, [6, 10], { cache })
  assert.equal(cache.size, 1)
  await apply([stepOf('lowrank', { rank: 1 })], values, [6, 10], { cache, tensor: 'v' })
  assert.equal(cache.size, 2)
  const chain = [stepOf('expo', { alpha: 1 }), stepOf('lowrank', { rank: 1 })]
  const doubled = await apply(chain, values, [6, 10], { cache })
  const single = await apply([stepOf('lowrank', { rank: 1 })], values, [6, 10], { cache })
  doubled.forEach((v, i) => assertClose(v, 2 * single[i]!, { tolerance: 1e-5 }, `entry ${i}`))
  const bits = await bitsOf([stepOf('lowrank', { energy: 1e-9 })], [6, 10], 60, { seed: 1, tensor: 'w', cache })
  assert.equal(bits, 16 * 1 * 16)
})

test('the rank of an energy is the smallest that reaches it; fractions truncate; ranks stop at the shape', () => {
  assert.deepEqual(
    [0, 0.63, 0.64, 0.65, 1].map((energy) => rankOf({ energy }, [2, 5], [4, 3])),
    [0, 1, 1, 2, 2],
  )
  assert.deepEqual(
    [0, 0.49, 0.5, 1].map((fraction) => rankOf({ fraction }, [2, 5])),
    [0, 0, 1, 2],
  )
  assert.equal(rankOf({ rank: 64 }, [2, 5]), 2)
})

test('lowrank on a matrix too big for the exact way finds the same leading triplets', async () => {
  const [x, exact] = tf.tidy(() => {
    const u = tf.linalg.qr(tf.randomNormal([600, 4], 0, 1, 'float32', 5))[0]
    const v = tf.linalg.qr(tf.randomNormal([700, 4], 0, 1, 'float32', 6))[0]
    const leading = tf.matMul(u.mul(tf.tensor1d([8, 4, 2, 1])), v, false, true)
    return [leading.add(tf.randomNormal([600, 700], 0, 1e-4, 'float32', 7)) as Tensor2D, leading]
  })
  const before = tf.memory().numTensors
  const { s } = await svd(x, { rank: 4 })
  assert.equal(tf.memory().numTensors, before)
  for (const [i, sigma] of [8, 4, 2, 1].entries()) assertClose(s[i]!, sigma, { tolerance: 1e-3 * sigma })
  const values = (await x.data()) as Float32Array
  const edited = await applySteps([stepOf('lowrank', { rank: 4 })], values, x.shape, { seed: 0, tensor: 'w' })
  const out = tf.tensor(edited, x.shape)
  const [error] = await tf.tidy(() => out.sub(exact).norm().div(exact.norm())).data()
  assert.ok(error! < 2e-3, `${error}`)
  tf.dispose([x, exact, out])
})

test('descriptions carry type, default, range and choices', () => {
  const facts = new Map(describeOptions(editorNamed('bitdelta')).map((fact) => [fact.name, fact]))
  assert.deepEqual([...facts.keys()], ['multiplier', 'blocks', 'magnitudes', 'passes'])
  const blocks = facts.get('blocks')!
  assert.deepEqual([blocks.type, blocks.default, blocks.minimum, blocks.maximum], ['integer', 1, 1, 65536])
  assert.deepEqual(facts.get('magnitudes')!.choices, ['mean', 'normal', 'uniform'])
  assert.throws(() => parseOptions(editorNamed('lowrank'), {}), /exactly one of rank, fraction and energy/)
  assert.throws(() => parseOptions(editorNamed('lowrank'), { rank: 2, fraction: 0.5 }), /exactly one of/)
})
