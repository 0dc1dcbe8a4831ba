// The divergence from the post-trained model as a loss: its Riemann sums and its Fisher information against PyTorch in float64, with
// held and streamed weights; its gradient is 0 where the path begins; and what it costs.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { divergenceOf } from '../../src/divergence/index.js'
import { pullDivergence, type Rule, riemannSum, taylor2 } from '../../src/loss/index.js'
import { type Model, type Source, sourceOf } from '../../src/models/index.js'
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

/** ReLU, or experts that are chosen. */
const KINKED = ['qwen3_moe', 't5']

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
    const sumOf = async (way: typeof sourceOf, key: string) => {
      const [rule, steps] = key.split('-') as [Rule, string]
      const path = { post: way(model, post), change }
      const found = await riemannSum(model, path, batches, { rule, steps: Number(steps), kind: 'kl' })
      assertClose(found.sum, right.riemann[key]!, { tolerance: 1e-4 }, key)
      assert.ok(worstTerm(found.terms, right.terms, key) < 5e-5, key)
      return found.sum
    }
    for (const key of Object.keys(right.riemann)) await sumOf(sourceOf, key)
    // Rules differ in their nodes alone, whatever the weights are read from.
    await sumOf(streamedWay(fixture) as typeof sourceOf, 'gauss-5')
    // More nodes come to the divergence itself, but for kinks (ReLU) and jumps (experts).
    const edited = Object.fromEntries(
      [...change].map(([key, step]) => [key, tf.tidy(() => post[key]!.add(tf.tensor(step, post[key]!.shape)))]),
    )
    const { kl } = await divergenceOf(model, { post, edited: { ...post, ...edited } }, batches)
    tf.dispose(edited)
    assertClose(kl.mean, right.edited, { tolerance: 1e-5 })
    if (!KINKED.includes(name)) {
      const fine = await riemannSum(model, { post, change }, batches, { rule: 'gauss', steps: 8, kind: 'kl' })
      assertClose(fine.sum / kl.mean, 1, { tolerance: 1e-4 })
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
    // Equal outputs give the last weights a gradient of 0, and then all others; of streamed weights these tell enough.
    const last = model.blocks.findLast(({ weights }) => weights.length)!.weights
    for (const [way, names] of [
      [sourceOf, Object.keys(model.shapes)],
      [streamedWay(fixture), last],
    ] as const) {
      const source = way(model, post) as Source
      const pulled = new Set<string>()
      const sink = (tensor: string, values: Float32Array) => {
        pulled.add(tensor)
        assert.ok(
          values.every((x) => x === 0),
          `${name} ${tensor}`,
        )
      }
      await pullDivergence(model, { still: source, points: [{ source, sink }] }, [batch('main')], new Set(names))
      assert.ok(pulled.size > (names === last ? 0 : 3))
    }
    tf.dispose([fixture.base, fixture.post])
  }
})

test('a sum takes one forward pass of post, whatever the nodes, and none at t = 0', async () => {
  const fixture = await openFixture('gpt2')
  const { model, post, batch } = fixture
  const blocks = (calls: { still: number; moved: number }): Model => ({
    ...model,
    blocks: model.blocks.map((block, i) => ({
      ...block,
      apply(weights, ...rest) {
        if (i === 0) calls[weights['transformer.wte.weight'] === post['transformer.wte.weight'] ? 'still' : 'moved']++
        return block.apply(weights, ...rest)
      },
    })),
  })
  const change = changeOf(fixture, 'scale-0.5')
  for (const [rule, steps, gradients] of [
    ['gauss', 3, 3],
    ['left', 4, 3],
    ['trapezoid', 2, 2],
  ] as const) {
    const calls = { still: 0, moved: 0 }
    const batches = [batch('main'), batch('single')]
    await riemannSum(blocks(calls), { post, change }, batches, { rule, steps, kind: 'kl' })
    assert.deepEqual(calls, { still: 2, moved: 2 * gradients }, rule)
  }
  tf.dispose([fixture.base, fixture.post])
})
