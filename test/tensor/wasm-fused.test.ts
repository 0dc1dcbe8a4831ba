// The fused functions of the wasm backend against their definitions in operations of TensorFlow.js: values and derivatives.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { mixHeads } from '../../src/models/layers.js'
import { type FusedName, type FusedSettings, fuse } from '../../src/tensor/fused.js'
import {
  attendSeen,
  keyedNormal,
  keyOf,
  putRows,
  setBackend,
  softmax,
  type Tensor,
  tf,
} from '../../src/tensor/index.js'

type Compose<N extends FusedName> = (inputs: Tensor[], settings: FusedSettings[N]) => Tensor

/** Largest difference, as a share of the largest value or of 1. */
function differ(a: Tensor, b: Tensor): number {
  assert.deepEqual(a.shape, b.shape)
  const [x, y] = [a.dataSync<'float32'>(), b.dataSync<'float32'>()]
  const most = y.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  return x.reduce((worst, value, i) => Math.max(worst, Math.abs(value - y[i]!)), 0) / most
}

/** Value and derivatives of a kernel are those of its composition, to a few roundings. */
function check<N extends FusedName>(name: N, compose: Compose<N>, shapes: number[][], settings: FusedSettings[N]) {
  tf.tidy(() => {
    const inputs = shapes.map((shape, i) => keyedNormal(shape, keyOf(name, String(i))))
    const fused = fuse(name, compose)
    const expected = compose(inputs, settings)
    assert.ok(differ(fused(inputs, settings), expected) < 2e-6, `${name} ${shapes}`)
    const dy = keyedNormal(expected.shape, keyOf(name, 'dy'))
    const [mine, theirs] = [fused, compose].map((f) => tf.grads((...xs: Tensor[]) => f(xs, settings))(inputs, dy))
    mine!.forEach((gradient, i) => {
      assert.ok(differ(gradient, theirs![i]!) < 4e-6, `${name} ${shapes}, gradient ${i}`)
    })
    // A derivative of a derivative.
    const slope = (f: Compose<N>) => (x: Tensor) =>
      tf
        .grad((x) =>
          f([x, ...inputs.slice(1)], settings)
            .square()
            .mul(dy)
            .sum(),
        )(x)
        .square()
        .sum()
    const [second, right] = [fused, compose].map((f) => tf.grad(slope(f))(inputs[0]!))
    assert.ok(differ(second!, right!) < 2e-5, `${name} ${shapes}, second derivative`)
  })
}

const rmsNorm: Compose<'rmsNorm'> = ([x, w], { epsilon }) =>
  x!.mul(x!.square().mean(-1, true).add(epsilon).rsqrt()).mul(w!)
const siluTimes: Compose<'siluTimes'> = ([gate, up]) =>
  gate!.mul(tf.onesLike(gate!).div(gate!.neg().exp().add(1))).mul(up!)
const standardize: Compose<'standardize'> = ([x], { epsilon }) => {
  const centred = x!.sub(x!.mean(-1, true))
  return centred.mul(centred.square().mean(-1, true).add(epsilon).rsqrt())
}
const gelu: Compose<'gelu'> = ([x], { near }) => {
  const shares = near
    ? x!
        .add(x!.pow(3).mul(0.044715))
        .mul(Math.sqrt(2 / Math.PI))
        .tanh()
    : x!.mul(Math.SQRT1_2).erf()
  return shares.add(1).mul(x!).div(2)
}
const rotate: Compose<'rotate'> = ([x], { cos, sin, half }) =>
  x!.mul(cos).add(
    tf
      .matMul(x!.reshape([-1, half.shape[0]!]) as tf.Tensor2D, half as tf.Tensor2D)
      .reshape(x!.shape)
      .mul(sin),
  )
const attend: Compose<'attend'> = ([q, k, v], { rows, heads, kvHeads, scale, mask }) => {
  const split = (x: Tensor, count: number) =>
    x.reshape([rows, x.shape[0]! / rows, count, -1]).transpose([0, 2, 1, 3]) as tf.Tensor4D
  const [columns, headDim] = [q!.shape[0]! / rows, q!.shape[1]! / heads]
  const fold = (x: Tensor) => x.reshape([rows * kvHeads, -1, headDim]) as tf.Tensor3D
  const scores = tf.matMul(fold(split(q!, heads)), fold(split(k!, kvHeads)), false, true)
  const scaled = scores.mul(scale).reshape([rows, heads, columns, -1])
  const shares = softmax(mask ? scaled.add(mask) : scaled).reshape(scores.shape) as tf.Tensor3D
  const mixed = tf.matMul(shares, fold(split(v!, kvHeads)))
  return mixed.reshape([rows, heads, columns, headDim]).transpose([0, 2, 1, 3]).reshape(q!.shape)
}
const crossEntropies: Compose<'crossEntropies'> = ([logits], { labels }) => {
  const ones = tf.oneHot(labels.toInt() as tf.Tensor1D, logits!.shape[1]!).toFloat()
  return softmax(logits!).mul(ones).sum(1).log().neg()
}

before(() => setBackend('wasm'))

test('norms, gates and rotations are their definitions', () => {
  for (const width of [1, 7, 16, 37, 128]) {
    check('rmsNorm', rmsNorm, [[5, width], [width]], { epsilon: 1e-5 })
    if (width > 1) check('standardize', standardize, [[5, width]], { epsilon: 1e-5 })
    for (const near of [true, false]) check('gelu', gelu, [[3, width]], { near })
    check(
      'siluTimes',
      siluTimes,
      [
        [3, width],
        [3, width],
      ],
      {},
    )
  }
  const half = (turned: number, width: number) => {
    const matrix = tf.buffer([width, width])
    for (let i = 0; i < turned / 2; i++) {
      matrix.set(1, i + turned / 2, i)
      matrix.set(1, i, i + turned / 2)
    }
    return matrix.toTensor()
  }
  for (const [turned, width] of [
    [8, 8],
    [6, 10],
    [2, 2],
    [24, 32],
  ] as const) {
    const [cos, sin] = ['cos', 'sin'].map((name) => keyedNormal([5, 3 * width], keyOf(name)))
    const still = tf.tensor1d(Array.from({ length: width }, (_, i) => (i < turned ? 1 : 0))).tile([3])
    check('rotate', rotate, [[5, 3 * width]], { cos: cos!, sin: sin!.mul(still), half: half(turned, width), turned })
  }
})

test('attention is its definition, for groups of heads, masks of every shape and keys that were there before', () => {
  const [rows, columns, length, headDim] = [2, 5, 7, 6]
  for (const [heads, kvHeads] of [
    [4, 2],
    [3, 3],
    [4, 1],
  ] as const)
    for (const shape of [
      null,
      [1, 1, columns, length],
      [rows, 1, 1, length],
      [rows, heads, columns, length],
      [1, heads, 1, length],
    ]) {
      const mask = shape && keyedNormal(shape, keyOf('mask'))
      const sizes = [
        [rows * columns, heads * headDim],
        [rows * length, kvHeads * headDim],
        [rows * length, kvHeads * headDim],
      ]
      check('attend', attend, sizes, { rows, heads, kvHeads, scale: 0.4, mask })
    }
})

test('losses are their definition; a label that is no class has no logit', () => {
  for (const classes of [2, 5, 33])
    check('crossEntropies', crossEntropies, [[4, classes]], { labels: tf.tensor1d([0, 1, 1, 0], 'int32') })
  const [logits, labels] = [
    tf.tensor2d([
      [1, 2, 3],
      [1, 2, 3],
    ]),
    tf.tensor1d([9, 2], 'int32'),
  ]
  const [none, last] = fuse('crossEntropies', crossEntropies)([logits], { labels }).dataSync()
  assert.ok(Math.abs(none! - last! - 3) < 1e-6)
})

test('what is not a number stays so, and large numbers do not overflow', () => {
  const labels = tf.tensor1d([0, 1], 'int32')
  const losses = fuse('crossEntropies', crossEntropies)
  const of = (rows: number[][]) => [...losses([tf.tensor2d(rows)], { labels }).dataSync()]
  assert.deepEqual(
    of([
      [1, Number.NaN, 0],
      [3e38, -3e38, 0],
    ]),
    [Number.NaN, Infinity],
  )
  assert.deepEqual(
    of([
      [1e30, 0, 0],
      [-1e30, 1e30, 0],
    ]),
    [0, 0],
  )
  const gate = fuse('siluTimes', siluTimes)
  const [at, one] = [tf.tensor1d([Number.NaN, -200, 200, 88.9, -104]), tf.ones([5])]
  const [nan, ...rest] = gate([at, one], {}).dataSync()
  assert.ok(Number.isNaN(nan))
  assert.deepEqual(
    rest.map((value) => Math.fround(value)),
    [-0, 200, Math.fround(88.9), -0].map(Math.fround),
  )
  for (const near of [true, false]) {
    const [nan, ...rest] = fuse('gelu', gelu)([at], { near }).dataSync()
    assert.ok(Number.isNaN(nan))
    assert.deepEqual(rest, [-0, 200, Math.fround(88.9), -0])
  }
  const centred = fuse('standardize', standardize)([tf.tensor2d([[1, Number.NaN, 2]])], { epsilon: 1e-5 })
  assert.ok(centred.dataSync().every(Number.isNaN))
  const norm = fuse('rmsNorm', rmsNorm)([tf.tensor2d([[1, Number.NaN, 2]]), tf.ones([3])], { epsilon: 1e-5 })
  assert.ok(norm.dataSync().every(Number.isNaN))
})

test('one query a row over a cache, of which the first places are seen', () => {
  for (const [rows, heads, kvHeads, capacity, length, width] of [
    [3, 4, 2, 9, 7, 8],
    [2, 3, 3, 5, 5, 6],
    [5, 4, 1, 40, 33, 40],
  ] as const)
    tf.tidy(() => {
      const drawn = (name: string, shape: number[]) => keyedNormal(shape, keyOf(name, String(shape)))
      const q = drawn('q', [rows, heads * width])
      const [k, v] = ['k', 'v'].map((name) => drawn(name, [rows, kvHeads, capacity, width]))
      const places = tf.range(0, rows * kvHeads * capacity, 1, 'int32').reverse()
      const flat = [k!, v!].map((all) =>
        putRows(tf.zeros([rows * kvHeads * capacity, width]), places, all.reshape([-1, width]).reverse(0)),
      )
      for (const shape of [null, [1, 1], [rows, 1], [1, heads], [rows, heads]]) {
        const near = shape && drawn('mask', [...shape, 1, length])
        const mask =
          near &&
          tf.pad4d(
            near as tf.Tensor4D,
            [
              [0, 0],
              [0, 0],
              [0, 0],
              [0, capacity - length],
            ],
            -1e9,
          )
        const sizes = { rows, heads, kvHeads, capacity, length, scale: 0.3 }
        const made = attendSeen([q, flat[0]!, flat[1]!], mask, sizes)!
        const [keys, values] = [k!, v!].map((all) => all.slice([0, 0, 0, 0], [-1, -1, length, -1]))
        const queries = q.reshape([rows, heads, 1, width])
        const expected = mixHeads([queries, keys!, values!], near, { scale: 0.3 })
        assert.ok(differ(made, expected) < 2e-6, `${rows} ${heads} ${kvHeads} ${shape}`)
      }
    })
})
