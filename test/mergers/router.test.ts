// The router of Twin-Merging: gates worked by hand, clusters told apart, the same bits from the same sample and seed.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { type Router, routeFeatures, trainRouter } from '../../src/mergers/index.js'
import { keyOf, normals, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

before(() => setBackend(BACKEND))

const near = (a: number, b: number, most = 1e-6) => assertClose(a, b, { tolerance: most })
/** Points around a centre, one row each. */
const cluster = (rows: number, centre: readonly number[], seed: number) =>
  normals(rows * centre.length, keyOf(seed)).map((value, i) => centre[i % centre.length]! + 0.1 * value)

test('gates by hand: standardised, one ReLU, softmax', async () => {
  const open = new Float32Array(32)
  const close = new Float32Array(64)
  open[0] = 1 // the first inner unit passes positive features on, as +1 to the first model and −1 to the second
  close.set([1, -1])
  const layers = [open, new Float32Array(32), close, Float32Array.of(0, Math.log(3))]
  const router: Router = { width: 1, models: 2, centre: Float32Array.of(1), spread: Float32Array.of(2), layers }
  const gates = await routeFeatures(router, Float32Array.of(5, -3))
  // (5 − 1) / 2 = 2: logits 2 and −2 + ln 3. (−3 − 1) / 2 is cut to 0: logits 0 and ln 3.
  near(gates[0]!, Math.exp(2) / (Math.exp(2) + 3 * Math.exp(-2)))
  near(gates[2]!, 1 / 4)
  near(gates[3]!, 3 / 4)
})

test('clusters are told apart, on points that were not learned from; a feature that never varies does no harm', async () => {
  const centres = [
    [3, 0, 7],
    [-3, 0.5, 7],
    [0, -2, 7],
  ]
  const sample = (seed: number) =>
    centres.map((centre, m) => cluster(20, centre, 10 * seed + m).map((value, i) => (i % 3 === 2 ? 7 : value)))
  const held = tf.memory().numTensors
  const router = await trainRouter(sample(1), 3, 0)
  for (const [m, features] of sample(2).entries()) {
    const gates = await routeFeatures(router, features)
    for (let row = 0; row < 20; row++)
      assert.ok(gates[3 * row + m]! > 0.95, `${m}: ${gates.subarray(3 * row, 3 * row + 3)}`)
  }
  assert.equal(tf.memory().numTensors, held, 'no tensor is left')
})

test('the same sample and seed give the same bits, another seed others', async () => {
  const samples = [cluster(8, [1, 1], 1), cluster(6, [-1, 1], 2)]
  const [one, same, other] = [
    await trainRouter(samples, 2, 5),
    await trainRouter(samples, 2, 5),
    await trainRouter(samples, 2, 6),
  ]
  assert.deepEqual(one, same)
  assert.notDeepEqual(one.layers, other.layers)
})

test('gates sum to 1 wherever the features lie; with one model there is nothing to choose', async () => {
  const router = await trainRouter([cluster(5, [1, 0], 1), cluster(5, [0, 1], 2), cluster(5, [-1, 0], 3)], 2, 0)
  const value = fc.float({ min: -1e6, max: 1e6, noNaN: true })
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 2, maxLength: 2 }), async (features) => {
      const gates = await routeFeatures(router, Float32Array.from(features))
      assert.ok(gates.every((gate) => gate >= 0 && gate <= 1))
      near(
        gates.reduce((a, b) => a + b, 0),
        1,
      )
    }),
    { numRuns: 50, seed: 1 },
  )
  assert.deepEqual(
    [...(await routeFeatures(await trainRouter([cluster(5, [1, 0], 1)], 2, 0), Float32Array.of(4, 4)))],
    [1],
  )
})
