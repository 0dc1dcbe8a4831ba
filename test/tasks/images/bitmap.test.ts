// Image files against Pillow, byte for byte: JPEG of four kinds, PNG with palettes, single bits and transparency; and files refused.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decode, encode } from 'fast-png'
import { cutBitmap, readBitmap } from '../../../src/tasks/images/bitmap.js'

const folder = fileURLToPath(new URL('../../../../test/fixtures/images', import.meta.url))

for (const file of ['wide.jpg', 'tall.jpg', 'grey.jpg', 'palette.png', 'palette2.png', 'bit.png', 'clear.png']) {
  test(`${file} as Pillow reads it`, () => {
    const expected = decode(readFileSync(join(folder, `${file}.expected.png`)))
    const { width, height, rgb } = readBitmap(join(folder, file))
    assert.deepEqual([width, height], [expected.width, expected.height])
    assert.deepEqual(rgb, new Uint8Array(expected.data))
  })
}

test('the upper eight bits of sixteen', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bitmap-'))
  try {
    const path = join(scratch, 'deep.png')
    writeFileSync(
      path,
      encode({ width: 2, height: 1, channels: 1, depth: 16, data: Uint16Array.from([0x12ff, 0xfe01]) }),
    )
    assert.deepEqual([...readBitmap(path).rgb], [0x12, 0x12, 0x12, 0xfe, 0xfe, 0xfe])
  } finally {
    rmSync(scratch, { recursive: true })
  }
})

test('refused: four inks, half a JPEG, another format, no file', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bitmap-'))
  try {
    const half = join(scratch, 'half.jpg')
    writeFileSync(half, readFileSync(join(folder, 'wide.jpg')).subarray(0, 300))
    const gif = join(scratch, 'a.png')
    writeFileSync(gif, 'GIF89a')
    assert.throws(() => readBitmap(join(folder, 'cmyk.jpg')), /cmyk\.jpg: not a JPEG image of grey or of three colours/)
    assert.throws(() => readBitmap(half), /half\.jpg: not a JPEG/)
    assert.throws(() => readBitmap(gif), /a\.png: not a JPEG or PNG image/)
    assert.throws(() => readBitmap(join(scratch, 'lost.png')), /lost\.png: no such file/)
    // The decoder goes on after a file that it refused.
    assert.equal(readBitmap(join(folder, 'wide.jpg')).width, 67)
  } finally {
    rmSync(scratch, { recursive: true })
  }
})

test('a part is cut out, and none beyond the edge', () => {
  const image = { width: 3, height: 2, rgb: Uint8Array.from({ length: 18 }, (_, i) => i) }
  assert.deepEqual(cutBitmap(image, [1, 1, 2, 1]), { width: 2, height: 1, rgb: Uint8Array.of(12, 13, 14, 15, 16, 17) })
  assert.throws(() => cutBitmap(image, [2, 0, 2, 1]), /outside the image of 3 × 2/)
})
