// Products of more singular vectors than one block of the kernel takes: in the order of docs/delta-format.md.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBandHead, encodeBandRows } from '../../src/kernels/bands.js'
import { join } from '../../src/kernels/bytes.js'
import { decodeLossyHead, readLossy } from '../../src/kernels/lossy-read.js'
import { Workspace } from '../../src/kernels/workspace.js'
import { random } from '../delta/pairs.js'

const { fround } = Math

test('more than 384 vectors are added up in the order that is documented', () => {
  const [rows, columns, width] = [90, 402, 386]
  const draw = (count: number) => Float32Array.from({ length: count }, () => random(2001) / 1000 - 1)
  const triplets = { rows, columns, s: draw(width), ut: draw(width * rows), vt: draw(width * columns) }
  const form = { form: 'bands', bands: [{ bits: 16, width }], group: 0, values: 'F32' } as const
  const size = rows * columns
  const place = { from: 0, size, columns, matrix: size, all: size, dtype: 'F32' } as const
  const head = encodeBandHead(form, triplets)
  const record = join([head, encodeBandRows(form, triplets, 0, rows)])
  const space = new Workspace()
  const placed = { at: space.put(record), bytes: record.length }
  const reading = readLossy(form, place, placed, { head: decodeLossyHead(form, place, head), space })
  assert.ok('fill' in reading)
  const to = space.take(4 * size)
  for (let at = 0; at < size; at += reading.step) reading.fill(at, Math.min(reading.step, size - at), to + 4 * at)
  const found = space.floats(to, size).slice()
  const { s, ut, vt } = triplets
  const wanted = Float32Array.from({ length: size }, (_, entry) => {
    const [i, j] = [Math.floor(entry / columns), entry % columns]
    const products = Array.from({ length: width }, (_, k) =>
      fround(fround(ut[k * rows + i]! * s[k]!) * vt[k * columns + j]!),
    )
    return products.reduce((sum, x) => fround(sum + x), 0)
  })
  assert.deepEqual(found, wanted)
})
