// The divergence from the post-trained model as a loss: its Riemann sums and its Fisher information against PyTorch in float64, with
// held and streamed weights; its gradient is 0 where the path begins; and what it costs.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pullDivergence, type Rule, riemannSum, taylor2 } from '../../src/loss/index.js'
import { type Source, sourceOf } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { NAMES, openFixture } from '../models/fixture.js'
import { changeOf } from '../models/probe.js'
import { streamedWay } from '../models/streamed.js'

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/divergence/', import.meta.url))

interface Reference {
  edited: number
  riemann: Record<string, number>
  taylor: number
  terms: Record<string, Record<string, number>>
}

/** The largest error of a term, as a share of the largest term. */
function worstTerm(found: ReadonlyMap<string, number>, right: Reference['terms'], key: string): number {
  assert.deepEqual([...found.keys()].sort(), Object.keys(right).sort())
  const largest = Math.max(...Object.values(right).map((term) => Math.abs(term[key]!)))
  return Math.max(...[...found].map(([name, term]) => Math.abs(term - right[name]![key]!))) / largest
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json'))) {
  const name = file.replace('.json', '')
  test(`${name}: terms of a divergence against PyTorch`, async () => {
    const right = JSON.parse(readFileSync(FOLDER + file, 'utf8')) as Reference
    const fixture = await openFixture(name)
    const { model, post, batch } = fixture
    const change = changeOf(fixture, 'scale-0.5')
    const batches = [batch('main')]
    const before = tf.memory().numTensors
    for (const way of [sourceOf, streamedWay(fixture)]) {
      for (const [key, sum] of Object.entries(right.riemann)) {
        const [rule, steps] = [key.split('-')[0] as Rule, Number(key.split('-')[1])]
        const path = { post: way(model, post), change }
        const found = await riemannSum(model, path, batches, { rule, steps, kind: 'kl' })
        assertClose(found.sum, sum, { tolerance: 1e-4 }, key)
        assert.ok(worstTerm(found.terms, right.terms, key) < 5e-5, key)
      }
    }
    const { sum, first, curvature } = await taylor2(model, { post, change }, batches, 'kl')
    assert.equal(first.sum, 0)
    assertClose(sum, right.taylor, { tolerance: 1e-4 })
    assert.ok(worstTerm(curvature.terms, right.terms, 'fisher') < 2e-4)
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([fixture.base, fixture.post])
  })
}

const divergent = NAMES.filter((name) => name !== 'roberta-regression')

test('at the post-trained weights the gradient is 0 to the last bit, of every architecture', async () => {
  for (const name of divergent) {
    const fixture = await openFixture(name)
    const { model, post, batch } = fixture
    for (const way of [sourceOf, streamedWay(fixture)]) {
      const source = way(model, post) as Source
      const pulled = new Set<string>()
      const sink = (tensor: string, values: Float32Array) => {
        pulled.add(tensor)
        assert.ok(
          values.every((x) => x === 0),
          `${name} ${tensor}`,
        )
      }
      await pullDivergence(
        model,
        { still: source, points: [{ source, sink }] },
        [batch('main')],
        new Set(Object.keys(model.shapes)),
      )
      assert.ok(pulled.size > 3)
    }
    tf.dispose([fixture.base, fixture.post])
  }
})
