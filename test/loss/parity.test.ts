// Losses, gradients, Riemann sums, Taylor estimates, generation and log-likelihoods of every architecture against PyTorch in
// float64, within the fixtures' tolerances.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Gradient, gradientOf, riemannSum, taylor2 } from '../../src/loss/index.js'
import type { Batch } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { assertDocumented, mergeErrors } from '../docs/architectures.js'
import { NAMES, openFixture, worst } from '../models/fixture.js'
import {
  changeOf,
  type Errors,
  probeGradient,
  probeRiemann,
  probeTaylor,
  probeText,
  type Quantity,
  TOLERANCES,
} from '../models/probe.js'

for (const name of NAMES) {
  test(`${name}: losses, gradients, Riemann sums, Taylor, text`, async (t) => {
    const fixture = await openFixture(name)
    const before = tf.memory().numTensors
    const all: Errors[] = []
    const check = (errors: Errors) => {
      all.push(errors)
      for (const [quantity, error] of Object.entries(errors))
        assert.ok(error < TOLERANCES[quantity as Quantity], `${quantity}: ${error}`)
    }
    await t.test('losses of every case, and the gradient of every tensor', async () =>
      check(await probeGradient(fixture)),
    )
    for (const [edit, { riemann }] of Object.entries(fixture.expected.edits)) {
      const rules = Object.keys(riemann)
      await t.test(`${edit}: Riemann sums under every rule, with per-tensor terms`, async () =>
        check(await probeRiemann(fixture, edit, rules)),
      )
      await t.test(`${edit}: exact change, and second-order Taylor`, async () =>
        check(await probeTaylor(fixture, edit)),
      )
    }
    if (fixture.expected.generation)
      await t.test('greedy ids and log-likelihoods', async () => check(await probeText(fixture)))
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    const skip = BACKEND !== 'wasm' && 'the docs tell those of wasm'
    await t.test('the docs tell these errors', { skip }, () => assertDocumented(name, mergeErrors(...all)))
    tf.dispose([fixture.base, fixture.post])
  })
}

test('a batch split in two gives the loss and gradient of the whole', async () => {
  const { model, post, batch } = await openFixture('llama3')
  const whole = batch('main')
  const part = (from: number, to: number): Batch => {
    const cut = (values: Int32Array) => values.slice(from * whole.columns, to * whole.columns)
    const { ids, mask, positions, labels } = whole
    return {
      rows: to - from,
      columns: whole.columns,
      ids: cut(ids),
      mask: cut(mask),
      positions: cut(positions),
      labels: cut(labels),
      items: whole.items.slice(from, to),
    }
  }
  const once = await gradientOf(model, post, [whole])
  const twice = await gradientOf(model, post, [part(0, 1), part(1, 3)])
  assertClose(once.loss.mean, twice.loss.mean, { tolerance: 1e-6 })
  assert.deepEqual(once.loss.itemTokens, twice.loss.itemTokens)
  for (const [name, values] of once.gradient) assert.ok(worst(twice.gradient.get(name)!, values, 1e-3) < 1e-4, name)
})

test('a known gradient at the start of the path changes no bit of any term, and of several batches it is not used', async () => {
  for (const name of ['llama3', 'gpt2', 'bert', 'vit'] as const) {
    const fixture = await openFixture(name)
    const { model, post, batch } = fixture
    const whole = [batch('main')]
    const { gradient } = await gradientOf(model, post, whole)
    const spoilt = new Map([...gradient].map(([tensor, values]) => [tensor, values.map(() => NaN)]))
    const every = changeOf(fixture, 'scale-0.5')
    const some = new Map([...every].filter((_, i) => i % 3 === 1))
    for (const change of [every, some]) {
      for (const rule of ['left', 'trapezoid', 'simpson', 'gauss'] as const) {
        const sum = (batches: Batch[], origin?: Gradient) =>
          riemannSum(model, { post, change }, batches, { rule, steps: 2, origin })
        assert.deepEqual(await sum(whole, gradient), await sum(whole), `${name} ${rule}`)
        assert.equal(Number.isNaN((await sum(whole, spoilt)).sum), rule !== 'gauss', 'it is used')
      }
    }
    const twice = [batch('main'), batch('main')]
    const options = { rule: 'left', steps: 1 } as const
    assert.deepEqual(
      await riemannSum(model, { post, change: some }, twice, { ...options, origin: spoilt }),
      await riemannSum(model, { post, change: some }, twice, options),
    )
    tf.dispose([fixture.base, fixture.post])
  }
})

test('a tensor that the model does not read has no part in the change', async () => {
  const { model, post, batch } = await openFixture('gpt2')
  const extra = { ...post, 'lm_head.weight': tf.ones([160, 32]) }
  const change = new Map([['lm_head.weight', new Float32Array(160 * 32).fill(1)]])
  const { sum } = await riemannSum(model, { post: extra, change }, [batch('main')], { rule: 'midpoint', steps: 1 })
  assert.equal(sum, 0)
  assert.equal((await taylor2(model, { post: extra, change }, [batch('main')])).sum, 0)
})
