// Text features of classes against transformers' in the CLIP fixture; several templates; prompts that are too long.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { classFeatures } from '../../src/evaluate/index.js'
import { loadModel, type Model, sourceOf } from '../../src/models/index.js'
import { type Fixture, openFixture, worst } from '../models/fixture.js'

let clip: Fixture
let tower: Model
before(async () => {
  clip = await openFixture('clip')
  tower = loadModel({ ...clip.config, architectures: ['CLIPTextModelWithProjection'] }, clip.shapes)
})

/** Prompts are ids in words; nothing is added to them. */
const tokenizer = {
  encode: async (texts: readonly string[]) => texts.map((text) => text.split(' ').map(Number)),
  eos: 95,
  pad: 95,
}
const features = (prompts: string[][]) => classFeatures(tower, sourceOf(tower, clip.base), tokenizer, prompts)
const sentences = () => {
  const { text_input_ids: ids, text_attention_mask: mask } = clip.expected.cases.main!.inputs
  return ids!.map((row, i) => row.filter((_, k) => mask![i]![k] === 1).join(' '))
}

test("one prompt a class: the fixture's features, whatever the padding", async () => {
  const expected = clip.reference('fixed_text_features')
  assert.ok(worst(await features(sentences().map((each) => [each])), expected) < 5e-6)
})

test('several prompts a class: the mean of unit vectors, made a unit vector again', async () => {
  const [a, b, c] = sentences()
  const alone = await features([[a!], [b!], [c!]])
  const width = tower.outputs
  const sum = Array.from({ length: width }, (_, i) => alone[i]! + alone[width + i]!)
  const norm = Math.hypot(...sum)
  const both = await features([[c!], [a!, b!]])
  assert.ok(worst(both.subarray(0, width), alone.subarray(2 * width)) < 1e-6)
  assert.ok(
    worst(
      both.subarray(width),
      sum.map((value) => value / norm),
    ) < 1e-6,
  )
})

test('a prompt longer than the tower reads keeps its end-of-text', async () => {
  const words = [94, ...Array.from({ length: 10 }, (_, i) => i + 20)]
  const [cut, long] = [
    [...words, 95],
    [...words, 31, 32, 33, 95],
  ].map((ids) => ids.join(' '))
  assert.equal(words.length + 1, tower.positions)
  assert.deepEqual(await features([[long!]]), await features([[cut!]]))
})
