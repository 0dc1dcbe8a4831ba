// Products of more singular vectors than one block of the kernel takes: in the order of docs/delta-format.md, of which the place of the
// last row and column is a part.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBandHead, encodeBandRows } from '../../src/kernels/bands.js'
import { decodeLossy, decodeLossyHead } from '../../src/kernels/lossy-read.js'
import { join } from '../../src/kernels/sparse.js'
import { random } from '../delta/pairs.js'

/** Vectors of a block. */
const BLOCK = 384
const { fround } = Math

/** As the page says, for one entry. @param isLeftOver whether it is in no whole tile of 5 rows and 8 columns */
function sumOf(products: readonly number[], isLeftOver: boolean): number {
  let total = 0
  for (let at = 0; at < products.length; at += BLOCK) {
    const own = products.slice(at, at + BLOCK)
    total = isLeftOver
      ? fround(total + own.reduce((sum, x) => fround(sum + x), 0))
      : own.reduce((sum, x) => fround(sum + x), total)
  }
  return total
}

test('more than 384 vectors are added up in the order that is documented', () => {
  const [rows, columns, width] = [90, 402, 386]
  const draw = (count: number) => Float32Array.from({ length: count }, () => random(2001) / 1000 - 1)
  const triplets = { rows, columns, s: draw(width), ut: draw(width * rows), vt: draw(width * columns) }
  const form = { form: 'bands', bands: [{ bits: 16, width }], group: 0, values: 'F32' } as const
  const size = rows * columns
  const place = { from: 0, size, columns, matrix: size, all: size, dtype: 'F32' } as const
  const head = encodeBandHead(form, triplets)
  const record = join([head, encodeBandRows(form, triplets, 0, rows)])
  const found = decodeLossy(form, place, record, decodeLossyHead(form, place, head))
  const { s, ut, vt } = triplets
  const wanted = Float32Array.from({ length: size }, (_, entry) => {
    const [i, j] = [Math.floor(entry / columns), entry % columns]
    const products = Array.from({ length: width }, (_, k) =>
      fround(fround(ut[k * rows + i]! * s[k]!) * vt[k * columns + j]!),
    )
    return sumOf(products, i >= rows - (rows % 5) || j >= columns - (columns % 8))
  })
  assert.deepEqual(found, wanted)
})
