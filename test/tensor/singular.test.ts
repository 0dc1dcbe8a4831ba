// Singular values against known matrices and against another algorithm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import { singularValues } from '../../src/tensor/singular.js'
import { assertClose } from '../close.js'

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void => {
  assert.equal(a.length, b.length)
  for (let i = 0; i < a.length; i++) assertClose(a[i]!, b[i]!, { tolerance: tolerance })
}

test('known matrices: diagonal, rank one, zero, a rotation times a stretch', () => {
  close(singularValues(Float32Array.of(0, 3, 0, 0, 0, 0, 0, 0, -5), 3, 3), [5, 3, 0], 1e-7)
  close(singularValues(Float32Array.of(3, 4, 6, 8), 2, 2), [Math.sqrt(125), 0], 1e-7)
  close(singularValues(new Float32Array(12), 3, 4), [0, 0, 0], 0)
  close(singularValues(Float32Array.of(3, 4), 1, 2), [5], 1e-12)
  close(singularValues(Float32Array.of(3, 4), 2, 1), [5], 1e-12)
  const least = 2 ** -149
  close(singularValues(Float32Array.of(0, 0, 0, 0, -least, -least), 3, 2), [Math.SQRT2 * least, 0], 1e-6 * least)
})

test('any small matrix: as ml-matrix’s SVD, descending, and the squares add up to the squared norm', () => {
  const matrices = fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
    .chain(([rows, columns]) =>
      fc.tuple(
        fc.constant(rows),
        fc.constant(columns),
        fc.float32Array({ minLength: rows * columns, maxLength: rows * columns, min: -4, max: 4, noNaN: true }),
      ),
    )
  fc.assert(
    fc.property(matrices, ([rows, columns, values]) => {
      const s = singularValues(values, rows, columns)
      const norm = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))
      // Roots of eigenvalues: half the digits of float64, relative to the largest.
      close(
        s,
        new SingularValueDecomposition(Matrix.from1DArray(rows, columns, Array.from(values)), { autoTranspose: true })
          .diagonal,
        1e-6 * norm,
      )
      assertClose(Math.hypot(...s), norm, { tolerance: 1e-9 * norm })
      assert.ok(s.every((x, i) => i === 0 || x <= s[i - 1]!))
    }),
    { numRuns: 300 },
  )
})
