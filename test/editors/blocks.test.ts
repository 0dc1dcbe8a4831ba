// A tensor edited block by block is the tensor edited whole, chains and odd block sizes included.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { applySteps, bitsOf, editsBlocks, type Step, scanModel } from '../../src/editors/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { stepOf } from './step.js'

before(() => setBackend(BACKEND))

const values = Float32Array.from({ length: 35 * 30 }, (_, i) => Math.fround(Math.sin(i * i)))

for (const steps of [
  [stepOf('dare', { drop_rate: 0.5 })],
  [stepOf('magnitude', { drop_rate: 0.8 }), stepOf('dare', { drop_rate: 0.3 }), stepOf('dare', { drop_rate: 0.3 })],
  [stepOf('bitdelta', { blocks: 4, magnitudes: 'uniform' }), stepOf('expo', { alpha: 0.5 })],
  [stepOf('dare', { drop_rate: 0.5 }), stepOf('lowrank', { rank: 3 })],
]) {
  test(steps.map(({ editor }) => editor.name).join(' + '), async () => {
    const context = { seed: 5, tensor: 'w' }
    const tensors = tf.memory().numTensors
    const whole = await applySteps(steps, values, [35, 30], context)
    for (const block of [1, 64, 101, 1049])
      assert.deepEqual(await applySteps(steps, values, [35, 30], { ...context, block }), whole, `blocks of ${block}`)
    assert.notDeepEqual(whole, values)
    assert.equal(tf.memory().numTensors, tensors)
  })
}

test('steps that look at nothing else edit any block by itself', async () => {
  const steps = [stepOf('dare', { drop_rate: 0.5 }), stepOf('expo', { alpha: 0.5 }), stepOf('dare', { drop_rate: 0.3 })]
  assert.ok(editsBlocks(steps))
  const context = { seed: 5, tensor: 'w' }
  const whole = await applySteps(steps, values, [35, 30], context)
  const tensors = tf.memory().numTensors
  for (const [from, to] of [
    [0, 7],
    [7, 640],
    [640, 1050],
  ]) {
    assert.deepEqual(
      await applySteps(steps, values.subarray(from, to), [35, 30], { ...context, offset: from }),
      whole.subarray(from, to),
    )
  }
  assert.equal(tf.memory().numTensors, tensors)
  for (const [name, options] of [
    ['magnitude', { drop_rate: 0.5 }],
    ['bitdelta', {}],
    ['lowrank', { rank: 2 }],
    ['dare', { drop_rate: 0.5, convention: 'mergekit' }],
  ] as const) {
    assert.ok(!editsBlocks([stepOf('expo', { alpha: 1 }), stepOf(name, options)]), name)
  }
})

test('a batch of matrices is edited as its matrices, each under a name of its own; other editors take it as a tensor', async () => {
  const size = 7 * 10
  const chains: [Step[], boolean][] = [
    [[stepOf('lowrank', { rank: 2 })], true],
    [[stepOf('delta_come', { bands: '8x1+3x2', group: 4 })], true],
    [[stepOf('impart', { drop_rate: 0.6, beta: 0.3 })], true],
    [[stepOf('bitdelta', { blocks: 2 })], true],
    [[stepOf('ultradelta', { drop_rate: 0.5 })], true],
    [[stepOf('bitdelta', {}), stepOf('lowrank', { energy: 0.5 })], true],
    [[stepOf('dare', { drop_rate: 0.5 })], false],
    [[stepOf('magnitude', { drop_rate: 0.5 })], false],
  ]
  for (const [steps, apart] of chains) {
    const names = Array.from({ length: 15 }, (_, m) => (apart ? `w[${m}]` : 'w'))
    const parts = names.map((_, m) => values.subarray(m * size, (m + 1) * size))
    const scanned = await scanModel(steps, async function* () {
      yield ['w', values, 15]
    })
    const context = { seed: 5, scanned, cache: new Map<string, Promise<unknown>>() }
    const tensors = tf.memory().numTensors
    const whole = await applySteps(steps, values, [15, 7, 10], { ...context, tensor: 'w', batch: true })
    assert.equal(tf.memory().numTensors, tensors)
    const bits = await bitsOf(steps, [15, 7, 10], values.length, { ...context, tensor: 'w', batch: true })
    if (!apart) {
      assert.deepEqual(whole, await applySteps(steps, values, [15, 7, 10], { ...context, tensor: 'w' }))
      continue
    }
    let sum = 0
    for (const [m, part] of parts.entries()) {
      const alone = await applySteps(steps, part, [7, 10], { ...context, tensor: names[m]! })
      assert.deepEqual(whole.subarray(m * size, (m + 1) * size), alone, `${steps.at(-1)!.editor.name} of matrix ${m}`)
      sum += await bitsOf(steps, [7, 10], size, { ...context, tensor: names[m]! })
    }
    assert.equal(bits, Math.min(sum, 16 * values.length))
    assert.notDeepEqual(whole, values)
  }
})
