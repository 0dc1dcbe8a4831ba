// Every architecture on the webgpu backend: outputs, gradients, Riemann sums, Taylor terms and texts within the tolerances. Skipped where there is no adapter.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setBackend, tf } from '../../src/tensor/index.js'
import { NAMES, openFixture } from './fixture.js'
import { probeEach, TOLERANCES } from './probe.js'

const absent = await setBackend('webgpu').then(
  () => false as const,
  (error: Error) => error.message,
)

for (const name of NAMES) {
  test(`${name} on webgpu`, { skip: absent }, async () => {
    const fixture = await openFixture(name, 'webgpu')
    const before = tf.memory().numTensors
    for (const [quantity, error] of await probeEach(fixture))
      assert.ok(error < TOLERANCES[quantity], `${quantity}: ${error} of ${TOLERANCES[quantity]}`)
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([fixture.base, fixture.post])
  })
}
