// Losses, gradients, Riemann sums and Taylor estimates against PyTorch in float64, within the tolerances of the fixture.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { gradientOf, lossOf, riemannSum, taylor2, type Change, type Rule } from '../../src/loss/index.js'
import { tf } from '../../src/tensor/index.js'
import { caseBatch, openFixture, worst, type Fixture } from '../models/fixture.js'

let fixture: Fixture
let tensors: number
before(async () => {
  fixture = await openFixture('llama3')
  tensors = tf.memory().numTensors
})
after(() => assert.equal(tf.memory().numTensors, tensors, 'no tensor is left'))

/** T = F(Δ) − Δ of the fixture's three edits, written down from its README. */
function changeOf(edit: string): Change {
  const { expected, values } = fixture
  const names = edit === 'scale-0.5' ? expected.trainable : expected.linear
  return new Map(names.map((name) => {
    const delta = values.post.get(name)!.map((x, i) => x - values.base.get(name)![i])
    if (edit === 'scale-0.5') return [name, delta.map((x) => -0.5 * x)]
    if (edit === 'sign') {
      const mean = delta.reduce((sum, x) => sum + Math.abs(x), 0) / delta.length
      return [name, delta.map((x) => (x >= 0 ? mean : -mean) - x)]
    }
    const sorted = [...delta].map(Math.abs).sort((a, b) => b - a)
    const least = sorted[Math.floor(delta.length / 2) - 1]
    return [name, delta.map((x) => (Math.abs(x) >= least ? 0 : -x))]
  }))
}

test('losses of every case, base and post', async () => {
  for (const [name, each] of Object.entries(fixture.expected.cases)) {
    for (const which of ['base', 'post'] as const) {
      const { mean } = await lossOf(fixture.model, fixture[which], [caseBatch(each)])
      assert.ok(Math.abs(mean - each[which].loss) < 5e-5, `${name} ${which}: ${mean} against ${each[which].loss}`)
    }
  }
})

test('the gradient of every tensor', async () => {
  const { gradient } = await gradientOf(fixture.model, fixture.post, [caseBatch(fixture.expected.cases.main)])
  for (const name of fixture.expected.trainable) {
    const error = worst(gradient.get(name)!, fixture.reference(`grad.${name}`), 1e-3 * fixture.expected.gradient.norm)
    assert.ok(error < 1e-4, `${name}: ${error}`)
  }
})

test('a batch split in two gives the loss and gradient of the whole', async () => {
  const whole = caseBatch(fixture.expected.cases.main)
  const part = (from: number, to: number) => {
    const cut = (values: Int32Array) => values.slice(from * whole.columns, to * whole.columns)
    const { ids, mask, positions, labels } = whole
    return { rows: to - from, columns: whole.columns, ids: cut(ids), mask: cut(mask), positions: cut(positions), labels: cut(labels), items: whole.items.slice(from, to) }
  }
  const once = await gradientOf(fixture.model, fixture.post, [whole])
  const twice = await gradientOf(fixture.model, fixture.post, [part(0, 1), part(1, 3)])
  assert.ok(Math.abs(once.loss.mean - twice.loss.mean) < 1e-6)
  assert.deepEqual(once.loss.itemTokens, twice.loss.itemTokens)
  for (const [name, values] of once.gradient) assert.ok(worst(twice.gradient.get(name)!, values, 1e-3) < 1e-4, name)
})

test('a known gradient at the start of the path changes no term', async () => {
  const { model, post, expected } = fixture
  const batches = [caseBatch(expected.cases.main)]
  const { gradient: origin } = await gradientOf(model, post, batches)
  const options = { rule: 'left', steps: 2 } as const
  const change = changeOf('sign')
  assert.deepEqual(await riemannSum(model, post, change, batches, { ...options, origin }), await riemannSum(model, post, change, batches, options))
})

for (const edit of ['scale-0.5', 'sign', 'magnitude-0.5']) {
  test(`${edit}: Riemann sums under every rule, with per-tensor terms`, async () => {
    const { model, post, expected } = fixture
    const { riemann, per_tensor } = expected.edits[edit]
    for (const [key, value] of Object.entries(riemann)) {
      const [rule, steps] = key.split('-')
      const { sum, terms } = await riemannSum(model, post, changeOf(edit), [caseBatch(expected.cases.main)], { rule: rule as Rule, steps: Number(steps) })
      const parts = Object.entries(per_tensor).map(([name, term]): [string, number] => [name, term[key]])
      const scale = parts.reduce((total, [, term]) => total + Math.abs(term), 0)
      assert.ok(Math.abs(sum - value) < 1e-4 * scale, `${key}: ${sum} against ${value}`)
      const largest = Math.max(...parts.map(([, term]) => Math.abs(term)))
      assert.deepEqual([...terms.keys()].sort(), parts.map(([name]) => name).sort(), 'tensors that do not move have no term')
      for (const [name, term] of parts) assert.ok(Math.abs(terms.get(name)! - term) < 5e-5 * largest, `${key} ${name}`)
    }
  })

  test(`${edit}: second-order Taylor with exact curvature`, async () => {
    const { model, post, expected } = fixture
    const { taylor, per_tensor } = expected.edits[edit]
    const got = await taylor2(model, post, changeOf(edit), [caseBatch(expected.cases.main)])
    for (const [part, key] of [[got.first, 'first_order'], [got.curvature, 'T_HT']] as const) {
      const terms = Object.entries(per_tensor).map(([name, term]): [string, number] => [name, term[key]])
      const scale = terms.reduce((total, [, term]) => total + Math.abs(term), 0)
      const largest = Math.max(...terms.map(([, term]) => Math.abs(term)))
      assert.ok(Math.abs(part.sum - taylor[key]) < 5e-5 * scale, `${key}: ${part.sum} against ${taylor[key]}`)
      for (const [name, term] of terms) assert.ok(Math.abs(part.terms.get(name)! - term) < 2e-4 * largest, `${key} ${name}`)
    }
    assert.ok(Math.abs(got.sum - taylor.second_order) < 5e-5 * Math.abs(taylor.second_order))
  })
}
