// The iteration for leading singular triplets: its promise on many spectra, against the exact singular values, and its bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Key, keyOf, normals } from '../../src/kernels/index.js'
import { eigenvalues } from '../../src/tensor/eigen.js'
import { exactTriplets } from '../../src/tensor/exact-svd.js'
import { gramBytes } from '../../src/tensor/gram-triplets.js'
import { krylovTriplets, SLACK } from '../../src/tensor/krylov.js'
import { krylovBytes } from '../../src/tensor/krylov-sizes.js'
import { MatrixMemory } from '../../src/tensor/matrix-memory.js'
import { ritzExcess } from '../../src/tensor/ritz-bound.js'
import { singularValues } from '../../src/tensor/singular.js'
import { exactSvd, leadingTriplets } from '../../src/tensor/svd.js'
import { assertClose } from '../close.js'

const [ROWS, COLUMNS] = [520, 640]
const vectors = exactTriplets(normals(ROWS * COLUMNS, keyOf('vectors')), [ROWS, COLUMNS], ROWS)

/** A [ROWS, COLUMNS] matrix of random singular vectors and these singular values. */
function withSpectrum(spectrum: (k: number) => number): Float32Array {
  const memory = new MatrixMemory(16 << 20)
  const [left, right, out] = [
    memory.allocate(ROWS, ROWS),
    memory.allocate(ROWS, COLUMNS),
    memory.allocate(ROWS, COLUMNS),
  ]
  const values = memory.values(left)
  for (let i = 0; i < ROWS; i++)
    for (let k = 0; k < ROWS; k++) values[i * ROWS + k] = vectors.ut[k * ROWS + i]! * spectrum(k + 1)
  memory.values(right).set(vectors.vt)
  memory.multiply(left, right, out)
  return memory.values(out).slice()
}

function search(values: Float32Array, [rows, columns]: [number, number], rank: number, key: Key = [0, 0]) {
  const memory = new MatrixMemory(krylovBytes(rows, columns, rank))
  const held = memory.allocate(rows, columns)
  memory.values(held).set(values)
  return krylovTriplets(memory, { matrix: held, squares: memory.squares(held) }, rank, key)
}

const squares = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value * value, 0)

/** ‖A - U S Vᵀ‖² */
function errorOf(values: Float32Array, { rows, columns, s, ut, vt }: NonNullable<ReturnType<typeof search>>): number {
  const rest = Float64Array.from(values)
  for (let k = 0; k < s.length; k++)
    for (let i = 0; i < rows; i++) {
      const factor = s[k]! * ut[k * rows + i]!
      for (let j = 0; j < columns; j++) rest[i * columns + j]! -= factor * vt[k * columns + j]!
    }
  return squares(rest)
}

const SPECTRA: Record<string, Float32Array> = {
  'no decay: normals': normals(ROWS * COLUMNS, keyOf('flat')),
  'slow decay': withSpectrum((k) => 1 / Math.sqrt(1 + k / 50)),
  'power law': withSpectrum((k) => 1 / k),
  'fast decay': withSpectrum((k) => Math.exp(-k / 4)),
  'rank 5 and noise': withSpectrum((k) => (k <= 5 ? 1 : 0.01)),
  'rank 5': withSpectrum((k) => (k <= 5 ? 1 : 0)),
  'tiny entries': withSpectrum((k) => 1e-30 / k),
  'huge entries': withSpectrum((k) => 1e36 / k),
  'one entry': Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => (i === 12345 ? -3 : 0)),
}

for (const [name, values] of Object.entries(SPECTRA)) {
  test(`the error is within the promise: ${name}`, () => {
    const exact = singularValues(values, ROWS, COLUMNS)
    const norm = squares(values)
    for (const rank of [1, 7, 16]) {
      const found = search(values, [ROWS, COLUMNS], rank)
      assert.ok(found, `rank ${rank} is not found`)
      const least = squares(exact.subarray(rank))
      const error = errorOf(values, found)
      assert.ok(error <= (1 + SLACK) ** 2 * least + 1e-5 * norm, `rank ${rank}: ${error} where ${least} is the least`)
      // U and V are orthonormal and U S Vᵀ is a projection of A, so the squares of S are what the error lacks.
      assertClose(norm - squares(found.s), error, { tolerance: 2e-6 * norm })
    }
  })
}

test('tall, wide and very long matrices, where the transpose has the same triplets', () => {
  for (const [rows, columns] of [
    [520, 4000],
    [4000, 520],
  ] as const) {
    const values = normals(rows * columns, keyOf('long'))
    const turned = Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
    const [one, two] = [search(values, [rows, columns], 4)!, search(turned, [columns, rows], 4)!]
    assertClose(one.s, two.s, { tolerance: 1e-5 * one.s[0]! })
    assert.deepEqual([one.ut.length, one.vt.length, two.ut.length], [4 * rows, 4 * columns, 4 * columns])
    assertClose(squares(values) - squares(one.s), errorOf(values, one), { tolerance: 1e-6 * squares(values) })
  }
})

test('where the promise is not kept in time, the exact triplets are given', () => {
  const values = SPECTRA['no decay: normals']!
  const rank = ROWS / 8
  assert.equal(search(values, [ROWS, COLUMNS], rank), null)
  const memory = new MatrixMemory(krylovBytes(ROWS, COLUMNS, rank))
  const held = memory.allocate(ROWS, COLUMNS)
  memory.values(held).set(values)
  const { s } = leadingTriplets(memory, held, rank)
  assertClose(s, singularValues(values, ROWS, COLUMNS).subarray(0, rank), { relative: 1e-6 })
})

test('a side too short for the iteration is decomposed exactly, whatever the other side', () => {
  for (const [rows, columns, rank] of [
    [8, 3000, 1],
    [3000, 24, 3],
  ] as const) {
    const values = normals(rows * columns, keyOf('short'))
    assert.equal(search(values, [rows, columns], rank), null)
    const memory = new MatrixMemory(gramBytes(rows, columns, rank))
    const held = memory.allocate(rows, columns)
    memory.values(held).set(values)
    const found = leadingTriplets(memory, held, rank)
    assertClose(found.s, singularValues(values, rows, columns).subarray(0, rank), { relative: 1e-6 })
    assertClose(squares(values) - squares(found.s), errorOf(values, found), { tolerance: 2e-6 * squares(values) })
  }
  assert.equal(exactSvd([400, 8000], 4), true)
  assert.equal(exactSvd([400, 80000], 4), false)
})

test('an entry so small that its products are 0 is found exactly', () => {
  const values = new Float32Array(ROWS * COLUMNS)
  for (const at of [7, 4000, 90000, 200000]) {
    values[at] = 2 ** -149
    const memory = new MatrixMemory(Math.max(krylovBytes(ROWS, COLUMNS, 1), gramBytes(ROWS, COLUMNS, 1)))
    const held = memory.allocate(ROWS, COLUMNS)
    memory.values(held).set(values)
    assert.deepEqual([...leadingTriplets(memory, held, 1).s], [2 ** -149])
    values[at] = 0
  }
})

test('a matrix of zeros has zeros; more triplets than the rank of the matrix are zeros or rounding', () => {
  const none = search(new Float32Array(ROWS * COLUMNS), [ROWS, COLUMNS], 3)!
  assert.deepEqual([...none.s], [0, 0, 0])
  const { s } = search(SPECTRA['rank 5']!, [ROWS, COLUMNS], 8)!
  assertClose(s.subarray(0, 5), [1, 1, 1, 1, 1], { tolerance: 1e-5 })
  assert.ok(s.subarray(5).every((value) => value < 1e-5))
})

test('triplets of a small share of the norm are found too, whatever the key', () => {
  const spectrum = (k: number) => (k === 1 ? 1 : 1e-3 * 0.8 ** k)
  const values = withSpectrum(spectrum)
  for (let key = 0; key < 4; key++) {
    const { s } = search(values, [ROWS, COLUMNS], 8, [0, key])!
    for (let k = 1; k <= 8; k++) assertClose(s[k - 1]!, spectrum(k), { relative: 1e-3 })
  }
})

test('the same matrix and key give the same bits, another key others', () => {
  const values = SPECTRA['slow decay']!
  const found = () => search(values, [ROWS, COLUMNS], 4)
  const one = found()
  const other = search(values, [ROWS, COLUMNS], 4, [0, 1])
  assert.deepEqual(found(), one)
  assert.notDeepEqual(other!.s, one!.s)
})

test('a sketch adds weighted rows, or columns, of a matrix', () => {
  for (const [rows, columns] of [
    [21, 13],
    [5, 37],
  ] as const) {
    const memory = new MatrixMemory(8 << 20)
    const allocate = (m: number, n: number) => {
      const matrix = memory.allocate(m, n)
      memory.values(matrix).set(normals(m * n, keyOf('sketch', m)))
      return matrix
    }
    const [a, weights] = [allocate(rows, columns), allocate(1, Math.max(rows, columns))]
    const [values, w] = [memory.values(a), memory.values(weights)]
    for (const transposed of [false, true]) {
      const out = allocate(8, transposed ? rows : columns)
      const expected = memory.values(out).slice()
      values.forEach((value, at) => {
        const place = [Math.floor(at / columns), at % columns]
        const [k, i] = transposed ? place.reverse() : place
        expected[(k! % 8) * out.columns + i!]! += w[k!]! * value
      })
      memory.sketch(a, weights, out, transposed)
      assertClose(memory.values(out), expected, { tolerance: 1e-5 })
    }
  }
})

test('values that lie outside the basis lift the bound one by one', () => {
  // Θ = 3, 2; the residuals of both have norm 1 and are orthogonal, so that E has two values of 1 at a shift of 1, and PMP is 0.
  const pairs = {
    values: Float64Array.of(3, 2),
    residuals: Float64Array.of(1, 0, 0, 1),
    trace: 0,
    norm: { p: 2, value: 0 },
  }
  assert.equal(ritzExcess(pairs, 2, 1), 2)
  // Residuals of one direction lift one value: E has 4, 0, which replaces 2 + 1.
  assertClose(ritzExcess({ ...pairs, residuals: Float64Array.of(4, 0, 0, 0) }, 2, 1), 3, { tolerance: 1e-12 })
  // Values of 4 and 4 replace both: 2 + 8 - 7.
  assertClose(ritzExcess({ ...pairs, residuals: Float64Array.of(4, 0, 0, 4) }, 2, 1), 3, { tolerance: 1e-12 })
})

test('the bound, by hand: [[2, 1], [1, 1]] has the eigenvalue 2 + 0.618… above the Ritz value 2', () => {
  const golden = (Math.sqrt(5) - 1) / 2
  const pairs = { values: Float64Array.of(2), residuals: Float64Array.of(1), trace: 1, norm: { p: 2, value: 1 } }
  assertClose(ritzExcess(pairs, 1, golden), golden, { tolerance: 1e-12 })
  assert.equal(ritzExcess(pairs, 1, 1), 1)
  // A smaller shift lifts the rest, 1 + 1/0.1, above the Ritz value: 0.1 + 11 - 2.1.
  assertClose(ritzExcess(pairs, 1, 0.1), 9, { tolerance: 1e-12 })
})

test('the bound holds for random matrices, ranks and shifts', () => {
  const n = 14
  for (let seed = 0; seed < 200; seed++) {
    const count = 2 + (seed % 8)
    const draws = normals(n * n, keyOf('bound', seed))
    const root = draws.map((value, at) => value / (1 + Math.floor(at / n)) ** (seed % 3))
    const m = Float64Array.from({ length: n * n }, (_, at) => {
      let sum = 0
      for (let k = 0; k < n; k++) sum += root[k * n + Math.floor(at / n)]! * root[k * n + (at % n)]!
      return sum
    })
    // The basis: the first coordinates, in which the matrix is made diagonal.
    for (let i = 0; i < count; i++) for (let j = 0; j < count; j++) if (i !== j) m[i * n + j] = 0
    const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => m[b * n + b]! - m[a * n + a]!)
    const residuals = Float64Array.from({ length: count * count }, (_, at) => {
      const [i, j] = [order[Math.floor(at / count)]!, order[at % count]!]
      let sum = 0
      for (let k = count; k < n; k++) sum += m[k * n + i]! * m[k * n + j]!
      return sum
    })
    const rest = n - count
    const outside = Float64Array.from(
      { length: rest * rest },
      (_, at) => m[(count + Math.floor(at / rest)) * n + count + (at % rest)]!,
    )
    const others = eigenvalues(outside, rest)
    const p = 2 + (seed % 5)
    const pairs = {
      values: Float64Array.from(order, (i) => m[i * n + i]!),
      residuals,
      trace: others.reduce((sum, value) => sum + value, 0),
      norm: { p, value: others.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p) },
    }
    const all = eigenvalues(m, n).sort().reverse()
    for (let rank = 1; rank <= count; rank++) {
      const excess = all.subarray(0, rank).reduce((sum, value, i) => sum + value - pairs.values[i]!, 0)
      for (const shift of [1e-3, 0.1, 1, 10])
        assert.ok(ritzExcess(pairs, rank, shift) >= excess - 1e-9 * all[0]!, `seed ${seed}, rank ${rank}, ${shift}`)
    }
  }
})
