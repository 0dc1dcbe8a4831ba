// Every architecture on the webgpu backend: forward, gradients, Riemann sums and Taylor terms within the tolerances. Skipped where there is no adapter.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setBackend, tf } from '../../src/tensor/index.js'
import { NAMES, openFixture } from './fixture.js'
import {
  type Errors,
  probeForward,
  probeGradient,
  probeRiemann,
  probeTaylor,
  type Quantity,
  TOLERANCES,
} from './probe.js'

const absent = await setBackend('webgpu').then(
  () => false as const,
  (error: Error) => error.message,
)

for (const name of NAMES) {
  test(`${name} on webgpu`, { skip: absent }, async () => {
    const fixture = await openFixture(name, 'webgpu')
    const before = tf.memory().numTensors
    const errors: Errors[] = [
      await probeForward(fixture),
      await probeGradient(fixture),
      await probeRiemann(fixture, 'sign', ['left-5', 'midpoint-5']),
      await probeTaylor(fixture, 'sign'),
    ]
    for (const [quantity, error] of errors.flatMap((each) => Object.entries(each))) {
      assert.ok(
        error < TOLERANCES[quantity as Quantity],
        `${quantity}: ${error} of ${TOLERANCES[quantity as Quantity]}`,
      )
    }
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([fixture.base, fixture.post])
  })
}
