// Outputs, hidden states and features of every architecture against transformers in float64, within the fixtures' tolerances.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { architectures, disposeInputs, forward, makeInputs } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { assertDocumented, page } from '../docs/architectures.js'
import { NAMES, openFixture } from './fixture.js'
import { probeForward, type Quantity, TOLERANCES } from './probe.js'

for (const name of NAMES) {
  test(`${name}: logits of base and post, hidden states and features`, async () => {
    const fixture = await openFixture(name)
    const before = tf.memory().numTensors
    const errors = await probeForward(fixture)
    assertDocumented(name, errors)
    for (const [quantity, error] of Object.entries(errors)) {
      assert.ok(error < TOLERANCES[quantity as Quantity], `${quantity}: ${error}`)
    }
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    assert.deepEqual(
      [...fixture.model.linear].sort(),
      [...fixture.expected.linear].sort(),
      'the matrices of attention and MLP',
    )
    tf.dispose([fixture.base, fixture.post])
  })
}

test('the cpu backend gives what wasm gives', async () => {
  for (const name of ['llama3', 'bert', 'clip'] as const) {
    const { model, post, batch, reference, base } = await openFixture(name, 'cpu')
    const inputs = makeInputs(model, batch('main'), { wanted: Int32Array.of(0) })
    const logits = tf.tidy(() => forward(model, post, inputs))
    const values = await logits.data()
    const right = reference('cases.main.post.logits').subarray(0, values.length)
    assertClose(values, right, { tolerance: 1e-4 })
    disposeInputs(inputs)
    tf.dispose([logits, post, base])
  }
})

test('docs/architectures.md lists every architecture with its classes', () => {
  for (const { name, classes, cite } of architectures) {
    assert.ok(
      page().includes(`| ${name} | ${name} | ${classes.join(', ')} | ${cite} |`),
      `${name}: run scripts/docs.mjs`,
    )
  }
})
