// Sampled answers: their distribution is that of the model, and a draw depends on seed, answer, step and token alone.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { generate } from '../../src/evaluate/index.js'
import { keysOf, sampled } from '../../src/evaluate/sampling.js'
import { tf } from '../../src/tensor/index.js'
import { type Fixture, openFixture } from '../models/fixture.js'

let fixture: Fixture
before(async () => {
  fixture = await openFixture('llama3')
})

test('draws follow the softmax of the logits over the temperature', async () => {
  const logits = [0, 1, 2, -1]
  const rows = 4000
  const temperature = 0.7
  const keys = keysOf({ temperature, seed: 3 }, [...Array(rows).keys()], 0)
  const whole = tf.tidy(() => sampled(tf.tensor2d(Array(rows).fill(logits)), 0, { temperature, keys }))
  const drawn = await tf.tidy(() => whole.argMax(1)).data()
  const weights = logits.map((logit) => Math.exp(logit / temperature))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  for (const [token, weight] of weights.entries()) {
    const [share, wanted] = [drawn.filter((each) => each === token).length / rows, weight / total]
    // Four standard errors of a share.
    assert.ok(Math.abs(share - wanted) < 4 * Math.sqrt((wanted * (1 - wanted)) / rows), `${token}: ${share}, ${wanted}`)
  }
  // The second half of the vocabulary by itself has the noise of the whole.
  const half = tf.tidy(() => sampled(tf.tensor2d(Array(rows).fill(logits.slice(2))), 2, { temperature, keys }))
  assert.deepEqual(await half.data(), await tf.tidy(() => whole.slice([0, 2], [rows, 2])).data())
  tf.dispose([whole, half])
})

test('the same draws in any batch, others for another seed, and the greedy ones towards temperature 0', async () => {
  const { model, post, expected } = fixture
  const prompts = expected.generation.map(({ prompt }) => prompt)
  const draw = (temperature: number, seed: number, rows?: number) =>
    generate(model, post, prompts, { maxNewTokens: 6, sampling: { temperature, seed }, ...(rows && { rows }) })
  const first = await draw(2, 1)
  assert.deepEqual(await draw(2, 1, 1), first)
  assert.notDeepEqual(await draw(2, 2), first)
  assert.deepEqual(await draw(1e-6, 1), await generate(model, post, prompts, { maxNewTokens: 6 }))
})
