// Passes that leave out what no output needs, against those of the whole: padding of uneven texts, and keys behind a block of queries.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from '../../src/evaluate/index.js'
import { type Gradient, gradientOf, lossOf } from '../../src/loss/index.js'
import { type Batch, disposeInputs, loadModel, type Model, makeInputs, padBatch } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { DECODERS, openFixture } from './fixture.js'

const LENGTHS = [3, 12, 4, 2, 6]
const prompts = LENGTHS.map((length, row) => Array.from({ length }, (_, i) => (5 + 7 * row + 11 * i) % 60))

/** Texts of these lengths, all of whose tokens are predicted but the first. */
function unevenBatch(): Batch {
  const sequences = prompts.map(([first, ...target]) => ({ prompt: [first!], target }))
  return padBatch(sequences, [...sequences.keys()], 0, {})
}

/** Tolerance of the largest of all entries: a bias of keys has no gradient but rounding. */
function assertGradient(actual: Gradient, expected: Gradient): void {
  const most = (values: Float32Array) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const largest = Math.max(...[...expected.values()].map(most))
  for (const [tensor, values] of expected)
    assertClose(actual.get(tensor)!, values, { tolerance: 1e-5 * largest }, tensor)
}

const whole = ({ packs: _, ...model }: Model): Model => model

test('what no output depends on is left out where it is much, unless padding is wanted or all outputs are', async () => {
  const { model, base, post } = await openFixture('llama3')
  const batch = unevenBatch()
  const tokensOf = (each: Batch, wanted?: number[]) => {
    const inputs = makeInputs(model, each, wanted && { wanted: Int32Array.from(wanted) })
    const { shape } = inputs.ids
    const numbers = inputs.wanted && [...inputs.wanted.dataSync()]
    disposeInputs(inputs)
    return [shape[0], numbers]
  }
  const columns = Math.max(...LENGTHS)
  // Of the last tokens of all texts; then of the second token of the second text, behind which, and in other texts, nothing is read.
  const last = LENGTHS.map((length, row) => row * columns + length - 1)
  assert.deepEqual(tokensOf(batch, last), [3 + 12 + 4 + 2 + 6, [2, 14, 18, 20, 26]])
  assert.deepEqual(tokensOf(batch, [columns + 1]), [2, [1]])
  assert.deepEqual(tokensOf(batch, [columns - 1]), [5 * columns, [columns - 1]], 'padding is wanted')
  assert.deepEqual(tokensOf(batch), [5 * columns, undefined], 'all outputs are wanted')
  const full = { ...batch, mask: batch.mask.map((_, place) => Number(place !== 4)) }
  const real = [...full.mask.keys()].filter((place) => full.mask[place])
  assert.deepEqual(tokensOf(full, real), [5 * columns, real], 'all but one are read')
  tf.dispose([base, post])
})

for (const name of DECODERS)
  test(`${name}: losses, gradients and answers are those of the whole batch`, async () => {
    const { model, base, post } = await openFixture(name)
    const batch = unevenBatch()
    const before = tf.memory().numTensors
    const [packed, padded] = await Promise.all([model, whole(model)].map((each) => lossOf(each, post, [batch])))
    assertClose(packed!.itemSums, padded!.itemSums, { relative: 1e-5 })
    const [own, other] = [await gradientOf(model, post, [batch]), await gradientOf(whole(model), post, [batch])]
    assertGradient(own.gradient, other.gradient)
    const options = { maxNewTokens: 4 }
    assert.deepEqual(
      await generate(model, post, prompts, options),
      await generate(whole(model), post, prompts, options),
    )
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([base, post])
  })

// Windows and caps, biases of ALiBi, and neither. A text beside another is not taken in blocks.
for (const name of ['llama3', 'gemma2', 'falcon-rw'] as const)
  test(`${name}: a long text alone has the losses and the gradient that it has beside itself`, async () => {
    const { config, shapes, base, post } = await openFixture(name)
    const model = loadModel({ ...config, max_position_embeddings: 400 }, shapes)
    const [first, ...target] = Array.from({ length: 300 }, (_, i) => (7 * i + (i % 11) ** 2) % 60)
    const batchOf = (rows: number) => {
      const sequences = Array.from({ length: rows }, () => ({ prompt: [first!], target }))
      return padBatch(sequences, [...sequences.keys()], 0, {})
    }
    const [alone, beside] = [await lossOf(model, post, [batchOf(1)]), await lossOf(model, post, [batchOf(2)])]
    assertClose(alone.mean, beside.mean, { relative: 1e-6 })
    const [own, other] = [await gradientOf(model, post, [batchOf(1)]), await gradientOf(model, post, [batchOf(2)])]
    assertGradient(own.gradient, other.gradient)
    tf.dispose([base, post])
  })
