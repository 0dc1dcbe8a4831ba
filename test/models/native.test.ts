// Every architecture on TensorFlow's own library: outputs, gradients, Riemann sums, Taylor terms, generated ids and log-likelihoods within
// the tolerances, with held and streamed weights, and nothing is left. Skipped where no binding is installed (`deltalab native install`).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setBackend, tf } from '../../src/tensor/index.js'
import { NAMES, openFixture } from './fixture.js'
import { probeEach, probeGradient, type Quantity, TOLERANCES } from './probe.js'
import { streamedWay } from './streamed.js'

const absent = await setBackend('tensorflow').then(
  () => false as const,
  (error: Error) => error.message,
)

/** Of each kind of block that can be read in parts: a vocabulary, experts, an encoder with its decoder, images. */
const STREAMED = ['llama3', 'qwen3_moe', 't5', 'vit']

test('passes on TensorFlow within the tolerances of the fixtures', { skip: absent }, async (t) => {
  for (const name of NAMES) {
    await t.test(name, async () => {
      const fixture = await openFixture(name, 'tensorflow')
      const before = tf.memory().numTensors
      const streamed = STREAMED.includes(name) ? await probeGradient(fixture, streamedWay(fixture)) : {}
      const errors = [...(await probeEach(fixture)), ...(Object.entries(streamed) as [Quantity, number][])]
      for (const [quantity, error] of errors)
        assert.ok(error < TOLERANCES[quantity], `${quantity}: ${error} of ${TOLERANCES[quantity]}`)
      assert.equal(tf.memory().numTensors, before, 'no tensor is left')
      tf.dispose([fixture.base, fixture.post])
    })
  }
})
