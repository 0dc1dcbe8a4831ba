// The inverse discrete Fourier transform against the sum that defines it, for lengths with all kinds of factors.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openInverse } from '../../src/adapters/fourier.js'

const draw = (count: number, step: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(1 + step * i))

test('each column of a matrix is transformed, whatever its length', () => {
  for (const size of [1, 2, 3, 8, 12, 31, 45, 86, 128])
    for (const count of [1, 3]) {
      const given = { re: draw(size * count, 1.7), im: draw(size * count, 2.3) }
      const { re, im } = openInverse(size)({ re: given.re.slice(), im: given.im.slice() })
      for (let k = 0; k < size; k++)
        for (let column = 0; column < count; column++) {
          const sum = { re: 0, im: 0 }
          for (let n = 0; n < size; n++) {
            const [at, angle] = [n * count + column, (2 * Math.PI * ((n * k) % size)) / size]
            sum.re += given.re[at]! * Math.cos(angle) - given.im[at]! * Math.sin(angle)
            sum.im += given.re[at]! * Math.sin(angle) + given.im[at]! * Math.cos(angle)
          }
          const at = k * count + column
          assert.ok(Math.hypot(re[at]! - sum.re, im[at]! - sum.im) < 1e-12, `${size} ${count}: ${k}`)
        }
    }
})
