// Products of small matrices: the sums of the definition, term after term.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { euclideanNorm, matrixProduct, transpose } from '../../src/adapters/matrix.js'

const draw = (count: number, step: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(1 + step * i))

test('a product with any number of terms is that of the definition, bit for bit', () => {
  const [rows, columns] = [3, 5]
  for (let inner = 1; inner <= 9; inner++) {
    const [a, b] = [draw(rows * inner, 1.7), draw(inner * columns, 2.3)]
    const wanted = Float64Array.from({ length: rows * columns }, (_, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns]
      let sum = 0
      for (let k = 0; k < inner; k++) sum += a[row * inner + k]! * b[k * columns + column]!
      return sum
    })
    assert.deepEqual(matrixProduct(a, b, inner, columns), wanted)
  }
})

test('a matrix is transposed', () => {
  assert.deepEqual(transpose(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3), Float32Array.of(1, 4, 2, 5, 3, 6))
})

test('the norm of a vector longer than a list of arguments may be', () => {
  assert.equal(euclideanNorm(new Float32Array(1 << 20).fill(3)), 3 * 2 ** 10)
})
