// Resized images against Pillow, byte for byte, smaller and larger, by each filter; a flat image stays flat.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { decode } from 'fast-png'
import { readBitmap } from '../../../src/tasks/images/bitmap.js'
import { resizeBitmap } from '../../../src/tasks/images/resample.js'

const folder = fileURLToPath(new URL('../../../../test/fixtures/images', import.meta.url))

for (const [name, filter] of [
  ['bicubic', 3],
  ['bilinear', 2],
  ['lanczos', 1],
  ['up', 3],
  ['up-bilinear', 2],
] as const) {
  test(`${name} as Pillow resizes it`, () => {
    const { width, height, data } = decode(readFileSync(join(folder, `wide-${name}.expected.png`)))
    assert.deepEqual(
      resizeBitmap(readBitmap(join(folder, 'wide.jpg')), { width, height }, filter).rgb,
      new Uint8Array(data),
    )
  })
}

test('a flat image stays flat in any size, by any filter', () => {
  const edge = fc.integer({ min: 1, max: 40 })
  fc.assert(
    fc.property(
      edge,
      edge,
      edge,
      edge,
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(1, 2, 3),
      (w, h, width, height, level, filter) => {
        const { rgb } = resizeBitmap(
          { width: w, height: h, rgb: new Uint8Array(3 * w * h).fill(level) },
          { width, height },
          filter as 1 | 2 | 3,
        )
        assert.equal(rgb.length, 3 * width * height)
        assert.ok(rgb.every((byte) => byte === level))
      },
    ),
    { numRuns: 200 },
  )
})

test('a height that loses more than twice what the width does goes first, as in Pillow 13', () => {
  // Image.fromarray(…).resize((3, 2), BICUBIC) and (3, 6) of Pillow 13.0.0; the other order differs in 10 and 9 bytes.
  const cases = [
    [
      [2, 9, 3, 2],
      [108, 71, 121, 123, 83, 132, 138, 95, 142, 95, 126, 137, 135, 125, 140, 175, 124, 142],
    ],
    [
      [4, 9, 3, 6],
      [82, 60, 137, 104, 30, 149, 170, 131, 123, 122, 88, 158, 108, 102, 130, 127, 133, 57],
    ],
  ] as const
  for (const [[from, tall, width, height], bytes] of cases) {
    const rgb = Uint8Array.from({ length: from * tall * 3 }, (_, i) => i * i * 37)
    const resized = resizeBitmap({ width: from, height: tall, rgb }, { width, height }, 3)
    assert.deepEqual([...resized.rgb.subarray(0, 18)], bytes)
  }
})
