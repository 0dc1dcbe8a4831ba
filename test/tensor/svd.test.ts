// SVDs: orthogonality, reconstruction, known spectra, and the randomised one against the exact.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  effectiveRank,
  exactTriplets,
  keyedNormal,
  keyOf,
  normals,
  setBackend,
  svd,
  type Tensor2D,
  tf,
  truncated,
} from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

before(() => setBackend(BACKEND))

const dot = (a: Float32Array, i: number, j: number, n: number) => {
  let sum = 0
  for (let k = 0; k < n; k++) sum += a[i * n + k]! * a[j * n + k]!
  return sum
}

test('rebuilds the matrix to 1e-6 with orthonormal vectors, tall, wide, square and one row', async () => {
  for (const [rows, columns] of [
    [1, 1],
    [1, 7],
    [7, 1],
    [20, 33],
    [33, 20],
    [40, 40],
  ]) {
    const x = keyedNormal([rows!, columns!], keyOf('svd', rows!)) as Tensor2D
    const found = await svd(x)
    const back = truncated(found, Infinity)
    const [values, rebuilt] = [await x.data(), await back.data()]
    const norm = Math.hypot(...values)
    assert.ok(Math.hypot(...values.map((v, i) => v - rebuilt[i]!)) < 1e-6 * norm)
    const r = found.s.length
    assert.equal(r, Math.min(rows!, columns!))
    for (let i = 0; i < r; i++) {
      for (let j = 0; j <= i; j++) {
        assertClose(dot(found.ut, i, j, rows!), i === j ? 1 : 0, { tolerance: 1e-5 })
        assertClose(dot(found.vt, i, j, columns!), i === j ? 1 : 0, { tolerance: 1e-5 })
      }
      if (i > 0) assert.ok(found.s[i]! <= found.s[i - 1]!)
    }
    tf.dispose([x, back])
  }
})

test('hand-worked singular values, of a singular matrix and of zeros', async () => {
  const x = tf.tensor2d([
    [3, 0],
    [4, 5],
  ])
  const { s } = await svd(x)
  assertClose(s, [Math.sqrt(45), Math.sqrt(5)], { tolerance: 1e-12 })
  const flat = tf.tensor2d([
    [1, 2],
    [2, 4],
    [3, 6],
  ])
  const rankOne = await svd(flat)
  assertClose(rankOne.s, [Math.sqrt(70), 0], { tolerance: 1e-12 })
  const zeros = tf.zeros([3, 2]) as Tensor2D
  const none = await svd(zeros)
  assert.deepEqual([...none.s], [0, 0])
  assert.ok([...none.ut, ...none.vt].every(Number.isFinite))
  tf.dispose([x, flat, zeros])
})

test('vectors of the smallest singular values are orthonormal too: a spectrum of nine decades, and low rank after rounding', async () => {
  const n = 48
  const [left, right] = [
    await svd(keyedNormal([n, n], keyOf('left')) as Tensor2D),
    await svd(keyedNormal([n, n], keyOf('right')) as Tensor2D),
  ]
  const graded = (spectrum: (k: number) => number) =>
    truncated({ ...left, s: left.s.map((_, k) => spectrum(k)), vt: right.vt }, n)
  for (const x of [graded((k) => 10 ** ((-9 * k) / n)), graded((k) => (k < 3 ? 1 : 0))]) {
    const found = await svd(x)
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        assertClose(dot(found.ut, i, j, n), i === j ? 1 : 0, { tolerance: 1e-6 })
        assertClose(dot(found.vt, i, j, n), i === j ? 1 : 0, { tolerance: 1e-6 })
      }
    }
    x.dispose()
  }
})

test('few triplets are the first of all, also where the last of them are tiny', () => {
  const [rows, columns] = [30, 41]
  const values = normals(rows * columns, keyOf('few')).map((value, i) => value * 10 ** (-Math.floor(i / columns) / 5))
  const all = exactTriplets(values, [rows, columns], rows)
  for (const wanted of [1, 4, 20]) {
    const few = exactTriplets(values, [rows, columns], wanted)
    assertClose(few.s, all.s.subarray(0, wanted), { relative: 1e-12 })
    assertClose(few.ut, all.ut.subarray(0, wanted * rows), { tolerance: 1e-6 })
    assertClose(few.vt, all.vt.subarray(0, wanted * columns), { tolerance: 1e-6 })
  }
})

test('a zero matrix survives the range finder', async () => {
  const zeros = tf.zeros([520, 520]) as Tensor2D
  const found = await svd(zeros, { rank: 2 })
  const back = truncated(found, 2)
  assert.ok((await back.data()).every((value) => value === 0))
  tf.dispose([zeros, back])
})

test('the effective rank counts equal singular values, and one of a rank-one matrix', () => {
  assertClose(effectiveRank([2, 2, 2, 0]), 3, { tolerance: 1e-12 })
  assert.equal(effectiveRank([5, 0, 0]), 1)
  assert.equal(effectiveRank([0, 0]), 0)
  // p = (1/2, 1/4, 1/4): entropy 1.5 ln 2.
  assertClose(effectiveRank([2, 1, 1]), 2 ** 1.5, { tolerance: 1e-12 })
})
