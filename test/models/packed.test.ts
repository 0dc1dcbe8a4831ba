// A pass that leaves out the padding of a batch, against the pass of the whole: losses, gradients, answers, of every decoder.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from '../../src/evaluate/index.js'
import { gradientOf, lossOf } from '../../src/loss/index.js'
import { type Batch, disposeInputs, type Model, makeInputs, padBatch } from '../../src/models/index.js'
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

const whole = ({ packs: _, ...model }: Model): Model => model

test('a batch of uneven texts is packed, one of little padding is not, nor one of which padding is wanted', async () => {
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
  // The second token of the second text stands behind the three of the first.
  assert.deepEqual(tokensOf(batch, [columns + 1]), [3 + 12 + 4 + 2 + 6, [4]])
  assert.deepEqual(tokensOf(batch, [columns - 1]), [5 * columns, [columns - 1]], 'padding is wanted')
  assert.deepEqual(tokensOf(batch), [5 * columns, undefined], 'all outputs are wanted')
  const full = { ...batch, mask: batch.mask.map((_, place) => Number(place !== 4)) }
  assert.deepEqual(tokensOf(full, [0]), [5 * columns, [0]])
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
    // Of all tensors: a bias of keys has no gradient but rounding.
    const largest = [...other.gradient.values()]
      .flatMap((values) => [...values])
      .reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    for (const [tensor, values] of other.gradient)
      assertClose(own.gradient.get(tensor)!, values, { tolerance: 1e-5 * largest }, tensor)
    const options = { maxNewTokens: 4 }
    assert.deepEqual(
      await generate(model, post, prompts, options),
      await generate(whole(model), post, prompts, options),
    )
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([base, post])
  })
