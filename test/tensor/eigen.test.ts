// Symmetric eigenvectors: matrices whose spectrum is known, the defining equations on random ones, and products by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { normals } from '../../src/kernels/index.js'
import { eigen, eigenvalues, gram, product } from '../../src/tensor/eigen.js'
import { assertClose } from '../close.js'

/** The largest entry of |A V - V Λ| and of |VᵀV - 1|, and whether the values fall. */
function faults(matrix: Float64Array, n: number) {
  const { values, vectors } = eigen(matrix, n)
  let [residual, slant] = [0, 0]
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      let [image, inner] = [0, 0]
      for (let j = 0; j < n; j++) {
        image += matrix[i * n + j]! * vectors[k * n + j]!
        inner += vectors[i * n + j]! * vectors[k * n + j]!
      }
      residual = Math.max(residual, Math.abs(image - values[k]! * vectors[k * n + i]!))
      slant = Math.max(slant, Math.abs(inner - (i === k ? 1 : 0)))
    }
  }
  return { residual, slant, falling: values.every((value, i) => i === 0 || value <= values[i - 1]!), values }
}

test('known spectra: two by two, one entry, equal values, zeros, and the path of n points', () => {
  const { values } = eigen(Float64Array.of(2, 1, 1, 2), 2)
  assertClose(values, [3, 1], { tolerance: 1e-15 })
  assert.deepEqual(eigen(Float64Array.of(-7), 1), { values: Float64Array.of(-7), vectors: Float64Array.of(1) })
  const n = 67
  assert.ok(
    faults(
      Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 4 : 0)),
      n,
    ).values.every((value) => value === 4),
  )
  assert.ok(faults(new Float64Array(n * n), n).values.every((value) => value === 0))
  // Neighbours are coupled by -1, 2 on the diagonal: 2 - 2 cos(kπ/(n + 1)).
  const path = Float64Array.from({ length: n * n }, (_, at) => {
    const distance = Math.abs(Math.floor(at / n) - (at % n))
    return distance === 0 ? 2 : distance === 1 ? -1 : 0
  })
  const found = faults(path, n)
  assert.ok(found.residual < 1e-13 && found.slant < 1e-13 && found.falling)
  found.values.forEach((value, k) =>
    assertClose(value, 2 - 2 * Math.cos(((n - k) * Math.PI) / (n + 1)), { tolerance: 1e-14 }, `entry ${k}`),
  )
})

test('random symmetric matrices of any size, also of low rank and of wide range: A V = V Λ, VᵀV = 1, values as ml-matrix', () => {
  for (const [n, rank, spread] of [
    [2, 2, 0],
    [3, 1, 0],
    [8, 8, 0],
    [9, 4, 0],
    [33, 33, 0],
    [64, 64, 9],
    [65, 5, 0],
    [130, 130, 3],
  ]) {
    const factors = normals(n! * rank!, [n!, rank!]).map(
      (value, at) => value * 10 ** ((-spread! * (at % rank!)) / rank!),
    )
    const lower = gram({ values: factors, down: rank!, right: 1 }, n!, rank!)
    const matrix = lower.map(
      (_, at) => lower[Math.max(Math.floor(at / n!), at % n!) * n! + Math.min(Math.floor(at / n!), at % n!)]!,
    )
    const { residual, slant, falling, values } = faults(matrix, n!)
    const size = Math.abs(values[0]!)
    assert.ok(residual < 1e-13 * size && slant < 1e-13 && falling, `${n}: ${residual / size} ${slant}`)
    const few = eigen(matrix, n!, Math.ceil(n! / 3))
    assert.deepEqual(few.values, values)
    assert.deepEqual(few.vectors, eigen(matrix, n!).vectors.subarray(0, few.vectors.length))
    const alone = eigenvalues(matrix, n!).sort().reverse()
    const known = new EigenvalueDecomposition(Matrix.from1DArray(n!, n!, Array.from(matrix)), { assumeSymmetric: true })
      .realEigenvalues
    known
      .sort((a, b) => b - a)
      .forEach((value, i) => {
        assertClose(values[i]!, value, { tolerance: 1e-13 * size })
        assertClose(alone[i]!, value, { tolerance: 1e-13 * size })
      })
  }
})

test('products of odd shapes, in float64, and their transposes', () => {
  const [rows, depth, columns] = [5, 3, 11]
  const a = Float64Array.from({ length: rows * depth }, (_, i) => i - 7 + 2 ** -40)
  const b = Float64Array.from({ length: depth * columns }, (_, i) => 3 * i - 40)
  const at = (i: number, j: number) => [0, 1, 2].reduce((sum, k) => sum + a[i * depth + k]! * b[k * columns + j]!, 0)
  const expected = Float64Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns))
  const right = { values: b, down: columns, right: 1 }
  assert.deepEqual(product({ values: a, down: depth, right: 1 }, right, [rows, depth, columns]), expected)
  const turned = Float64Array.from({ length: a.length }, (_, i) => a[(i % rows) * depth + Math.floor(i / rows)]!)
  assert.deepEqual(product({ values: turned, down: 1, right: rows }, right, [rows, depth, columns]), expected)
})
