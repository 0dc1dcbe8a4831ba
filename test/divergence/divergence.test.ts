// Divergence of models: held and streamed weights, all kinds of outputs, and what it has in common with the loss.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { divergenceOf, divergenceScores } from '../../src/divergence/index.js'
import { lossOf } from '../../src/loss/index.js'
import { tf } from '../../src/tensor/index.js'
import { openFixture } from '../models/fixture.js'
import { streamedWay } from '../models/streamed.js'

/** A decoder, one with a cap on its logits, an encoder–decoder, masked tokens, classes of texts and of images, and a zero-shot model. */
const MODELS = ['llama3', 'gemma2', 't5', 'bert-mlm', 'bert', 'vit', 'siglip-zero-shot']

for (const name of MODELS)
  test(`${name}: the same held and in parts, with the losses of the loss, and 0 of itself`, async () => {
    const fixture = await openFixture(name)
    const { model, post, base } = fixture
    const batches = [fixture.batch('main')]
    const before = tf.memory().numTensors
    const found = await divergenceOf(model, { post, edited: base }, batches)
    const stream = streamedWay(fixture)
    const parts = await divergenceOf(model, { post: stream(model, post), edited: stream(model, base) }, batches)
    for (const [score, value] of Object.entries(divergenceScores(model, found)))
      assert.ok(Math.abs(divergenceScores(model, parts)[score]! - value) <= 1e-5 * Math.max(1, Math.abs(value)), score)
    for (const [weights, loss] of [
      [post, found.lossPost],
      [base, found.lossEdited],
    ] as const)
      assert.ok(Math.abs((await lossOf(model, weights, batches)).mean - loss) < 1e-6 * loss)
    const none = await divergenceOf(model, { post, edited: stream(model, post) }, batches)
    assert.deepEqual([none.kl.mean < 1e-9, none.sameTop, none.se < 1e-9], [true, 1, true])
    const itself = await divergenceOf(model, { post, edited: post }, batches)
    assert.deepEqual([itself.kl.mean, itself.max, itself.rightChange, itself.perplexityRatio.value], [0, 0, 0, 1])
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([post, base])
  })
