// A tensor edited block by block is the tensor edited whole, chains and odd block sizes included.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { applyToValues, editorNamed, parseOptions, type Step } from '../../src/editors/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'

before(() => setBackend('wasm'))

const step = (name: string, options: object): Step => ({ editor: editorNamed(name), options: parseOptions(editorNamed(name), options) })
const values = Float32Array.from({ length: 35 * 30 }, (_, i) => Math.fround(Math.sin(i * i)))

for (const steps of [
  [step('dare', { drop_rate: 0.5 })],
  [step('magnitude', { drop_rate: 0.8 }), step('dare', { drop_rate: 0.3 }), step('dare', { drop_rate: 0.3 })],
  [step('bitdelta', { blocks: 4, magnitudes: 'uniform' }), step('expo', { alpha: 0.5 })],
  [step('dare', { drop_rate: 0.5 }), step('lowrank', { rank: 3 })],
]) {
  test(steps.map(({ editor }) => editor.name).join(' + '), async () => {
    const context = { seed: 5, tensor: 'w' }
    const tensors = tf.memory().numTensors
    const whole = await applyToValues(steps, values, [35, 30], context)
    for (const block of [1, 64, 101, 1049])
      assert.deepEqual(await applyToValues(steps, values, [35, 30], context, block), whole, `blocks of ${block}`)
    assert.notDeepEqual(whole, values)
    assert.equal(tf.memory().numTensors, tensors)
  })
}
