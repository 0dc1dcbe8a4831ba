// Every editor against the reference outputs of the field's tools: all public cases, each within its own tolerance.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { bandsOf, quantiseBand } from '../../src/editors/delta_come.js'
import { dropRatios } from '../../src/editors/impart.js'
import { editorNamed, parseOptions } from '../../src/editors/index.js'
import { rankOf } from '../../src/editors/lowrank.js'
import { keepProbabilities } from '../../src/editors/magprune.js'
import { setBackend, svd, type Tensor, type Tensor2D, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { givenOf, meant, runCase, runnable, transposed } from './cases.js'
import { type Case, cases, deltas, type Entry, readAll, readTensors } from './fixtures.js'

before(() => setBackend(BACKEND))

function compare(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { tolerance }: Pick<Case, 'tolerance'>,
  name: string,
) {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!)
    const allowed = tolerance.kind === 'exact' ? 0 : tolerance.rtol * Math.abs(expected[i]!) + tolerance.atol
    assert.ok(error <= allowed, `${name}[${i}]: ${actual[i]} against ${expected[i]}`)
  }
}

for (const reference of runnable) {
  test(reference.id, async () => {
    for (const { name, actual, expected } of await runCase(reference)) compare(actual, expected, reference, name)
  })
}

test('keep probabilities of magprune, drop ratios of impart, factors of delta_come', () => {
  const close = (rtol: number, atol = 0) => ({ tolerance: { kind: 'close' as const, rtol, atol } })
  let seen = 0
  for (const reference of cases.filter(({ method }) => ['magprune', 'impart', 'delta_come'].includes(method!))) {
    const [editor, raw] = meant(reference)
    const options = parseOptions(editorNamed(editor), raw) as any
    const expected = readAll(reference.expected)
    for (const [name, { shape, values }] of deltas('ft1')) {
      const [prob, drop] = [expected.get(`prob:${name}`), expected.get(`drop:${name}`)]
      const { factors: facts, gram } = shape.length === 2 ? givenOf(reference, name) : {}
      if (prob) compare(keepProbabilities(values, shape, options), prob.values, close(1e-5), name)
      if (drop) compare(dropRatios(facts!.s, options), drop.values, close(1e-5), name)
      seen += (prob ? 1 : 0) + (drop ? 1 : 0)
      if (reference.method !== 'delta_come' || !facts) continue
      for (const band of bandsOf(options, 32)) {
        const { u, vt } = quantiseBand(facts, band, options, gram)
        const [wantedU, wantedV] = [expected.get(`U${band.bits}:${name}`)!, expected.get(`V${band.bits}:${name}`)!]
        for (const [actual, wanted] of [
          [u, wantedU.values],
          [vt, transposed(wantedV as Entry)],
        ] as const) {
          compare(
            actual,
            wanted,
            close(0, 1e-5 * wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)),
            `${reference.id} ${band.bits} ${name}`,
          )
          seen++
        }
      }
    }
  }
  assert.equal(seen, 5 * 8 - 4 + 4 + 3 * 2 * 3 * 2)
})

test('singular values, and ranks by energy', async () => {
  const reference = cases.find(({ id }) => id === 'singular-values')!
  const expected = readTensors(reference.expected)
  for (const [name, { shape, values }] of deltas('ft1')) {
    if (!expected.has(name)) continue
    const x: Tensor = tf.tensor(values, shape)
    const { s } = await svd(x as Tensor2D)
    x.dispose()
    compare(s, expected.get(name)!.values, reference, name)
    for (const energy of [0.5, 0.9]) {
      const wanted = cases.find(({ id }) => id === `lowrank-energy${energy}`)!.rank![name]
      assert.equal(rankOf({ energy }, shape, s), wanted)
    }
  }
})
