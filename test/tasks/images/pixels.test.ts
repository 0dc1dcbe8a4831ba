// Images as models read them: crops, CLIP's and ViT's preparation against Pillow, normalisation by hand, and what is refused.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decode, encode } from 'fast-png'
import { type ImageReader, imagesIn, loadImageReader, loadTask, readPixels } from '../../../src/tasks/index.js'
import { assertClose } from '../../close.js'
import { loadKind } from '../kinds.js'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pixels-'))
})
after(() => rmSync(folder, { recursive: true }))

const png = (name: string, width: number, channels: 1 | 2 | 3 | 4, data: number[]) => {
  writeFileSync(
    join(folder, name),
    encode({ width, height: data.length / channels / width, channels, depth: 8, data: Uint8Array.from(data) }),
  )
  return join(folder, name)
}
const plain: ImageReader = { size: { height: 1, width: 2 }, factor: 1, mean: [0, 0, 0], deviation: [1, 1, 1] }

test('a part of an image, channel by channel', () => {
  // Two rows of three pixels; the part is the right two of the lower row.
  const image = png('a.png', 3, 3, [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 21, 22, 23, 31, 32, 33])
  assert.deepEqual([...readPixels([{ image, crop: [1, 1, 2, 1] }], plain)], [21, 31, 22, 32, 23, 33])
})

test('grey stands for three colours, transparency is dropped', () => {
  const [grey, pale, clear] = [
    png('g.png', 2, 1, [7, 9]),
    png('p.png', 2, 2, [7, 0, 9, 255]),
    png('c.png', 2, 4, [1, 2, 3, 0, 4, 5, 6, 255]),
  ]
  assert.deepEqual(
    [...readPixels([{ image: grey }, { image: pale }, { image: clear }], plain)],
    [7, 9, 7, 9, 7, 9, 7, 9, 7, 9, 7, 9, 1, 4, 2, 5, 3, 6],
  )
})

test('preprocessor_config.json scales and normalises', async () => {
  const settings = {
    size: { height: 1, width: 2 },
    rescale_factor: 1 / 255,
    image_mean: [0.5, 0.25, 0],
    image_std: [0.5, 0.5, 2],
    do_resize: false,
  }
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(settings))
  const reader = await loadImageReader(folder)
  const image = png('n.png', 2, 3, [255, 0, 51, 0, 255, 102])
  const expected = [1, -1, -0.5, 1.5, 0.1, 0.2]
  assertClose(readPixels([{ image }], reader), expected, { tolerance: 1e-6 })
  writeFileSync(join(folder, 'preprocessor_config.json'), '{"size": {"height": 16}}')
  await assert.rejects(loadImageReader(folder), /preprocessor_config\.json: size/)
})

const fixtures = fileURLToPath(new URL('../../../../test/fixtures/images', import.meta.url))
const preprocessor = async (settings: object) => {
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(settings))
  return loadImageReader(folder)
}
/** Pixels that nothing but a division by 255 was done to, as bytes [height, width, 3]. */
const bytesOf = (pixels: Float32Array) =>
  Uint8Array.from({ length: pixels.length }, (_, i) =>
    Math.round(255 * pixels[(i % 3) * (pixels.length / 3) + Math.floor(i / 3)]!),
  )
const expected = (name: string) => new Uint8Array(decode(readFileSync(join(fixtures, `${name}.expected.png`))).data)

for (const [name, size, crop] of [
  ['wide-clip', { shortest_edge: 24 }, { height: 24, width: 24 }],
  ['tall-clip', 24, 20],
  ['tall-clip-padded', 16, 20],
] as const) {
  test(`${name}: shorter edge, bicubic, then the middle, as CLIP's processor does`, async () => {
    const reader = await preprocessor({
      feature_extractor_type: 'CLIPFeatureExtractor',
      size,
      crop_size: crop,
      do_normalize: false,
    })
    assert.deepEqual(
      bytesOf(readPixels([{ image: join(fixtures, `${name.split('-')[0]}.jpg`) }], reader)),
      expected(name),
    )
  })
}

test("both edges, bilinear, as ViT's processor does", async () => {
  const reader = await preprocessor({
    image_processor_type: 'ViTImageProcessorFast',
    size: { height: 20, width: 16 },
    do_normalize: false,
  })
  assert.deepEqual(bytesOf(readPixels([{ image: join(fixtures, 'wide.jpg') }], reader)), expected('wide-bilinear'))
})

test('files that leave things out mean what transformers means', async () => {
  const clip = await preprocessor({ image_processor_type: 'CLIPImageProcessor' })
  assert.deepEqual(
    [clip.size, clip.resize, clip.crop, clip.mean[0]],
    [{ height: 224, width: 224 }, { to: 224, filter: 3 }, true, 0.48145466],
  )
  const vit = await preprocessor({ size: 384 })
  const square = { height: 384, width: 384 }
  assert.deepEqual([vit.size, vit.resize, vit.crop, vit.mean[0]], [square, { to: square, filter: 2 }, undefined, 0.5])
  await assert.rejects(
    preprocessor({ size: { shortest_edge: 24 } }),
    /size: a shortest edge alone gives images of many sizes/,
  )
  await assert.rejects(preprocessor({ image_processor_type: 'ConvNextImageProcessor' }), /image_processor_type/)
  await assert.rejects(preprocessor({ resample: 7 }), /resample must be 1 \(Lanczos\), 2 \(bilinear\) or 3 \(bicubic\)/)
})

test('refused: another size, outside the image, not a PNG, no file, a line without an image', () => {
  const image = png('b.png', 3, 1, [1, 2, 3])
  assert.throws(() => readPixels([{ image }], plain), /b\.png: the image is 3 × 1 pixels, the model reads 2 × 1/)
  assert.throws(() => readPixels([{ image, crop: [2, 0, 2, 1] }], plain), /outside the image of 3 × 1/)
  writeFileSync(join(folder, 'no.png'), 'text')
  assert.throws(() => readPixels([{ image: join(folder, 'no.png') }], plain), /not a JPEG or PNG image/)
  assert.throws(() => readPixels([{ image: join(folder, 'lost.png') }], plain), /lost\.png: no such file/)
  assert.throws(() => imagesIn('x.jsonl', [{ where: 'x.jsonl:3', number: 3, row: { label: 1 } }]), /x\.jsonl:3: image/)
})

test('a card of images lists parts with labels beside itself; labels beyond its classes are refused', async () => {
  png('s.png', 4, 1, [1, 2, 3, 4])
  writeFileSync(
    join(folder, 's.jsonl'),
    '{"id": "one", "image": "s.png", "crop": [0, 0, 2, 1], "label": 0}\n{"image": "s.png", "crop": [2, 0, 2, 1], "label": 2}\n',
  )
  const card = (classes: string) =>
    writeFileSync(
      join(folder, 's.yaml'),
      `name: s\nversion: 1\ndescription: d\nkind: images\nmetric: acc\ndata: s.jsonl\nclasses: ${classes}\n`,
    )
  card('[a, b, c]')
  const { items, classes } = await loadKind('images', join(folder, 's.yaml'))
  assert.deepEqual(classes, ['a', 'b', 'c'])
  assert.deepEqual(
    items.map(({ id, image, crop, label }) => [id, image, crop, label]),
    [
      ['one', join(folder, 's.png'), [0, 0, 2, 1], 0],
      ['2', join(folder, 's.png'), [2, 0, 2, 1], 2],
    ],
  )
  card('[a, b]')
  await assert.rejects(loadTask(join(folder, 's.yaml')), /s\.yaml:7:1: classes: 2 names, but item 2 has the label 2/)
})
