// Strong edits, on every backend: scores far beyond a thousand, softmaxes where one entry has all, norms of huge numbers. The reference
// numbers are of PyTorch in float64 (test/fixtures/models/make/reference.py) for llama3, post + 10000 (post − base), midpoint of one step.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lossOf, riemannSum } from '../../src/loss/index.js'
import { crossEntropies, padBatch } from '../../src/models/index.js'
import { attend, layerNorm, rmsNorm } from '../../src/models/layers.js'
import { causalMask } from '../../src/models/masks.js'
import { setBackend, type Tensor, tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { openFixture } from '../models/fixture.js'

const REFERENCE = { sum: 1694.287721347873, change: 1683.6564344069168 }
const ALPHA = 1e4

const native = await setBackend('tensorflow').then(
  () => ({}),
  (error: Error) => ({ skip: error.message }),
)

for (const backend of ['wasm', 'cpu', 'tensorflow'] as const) {
  test(backend, backend === 'tensorflow' ? native : {}, async (t) => {
    await setBackend(backend)

    await t.test('the Riemann sum and the loss of a strong edit are those of float64', async () => {
      const { model, post, values, shapes, batch } = await openFixture('llama3', backend)
      const change = new Map(
        [...values.post].map(([name, after]) => {
          const before = values.base.get(name)!
          return [name, after.map((x, i) => ALPHA * Math.fround(x - before[i]!))]
        }),
      )
      const edited = Object.fromEntries(
        [...values.post].map(([name, after]) => [
          name,
          tf.tensor(
            after.map((x, i) => x + change.get(name)![i]!),
            shapes[name],
          ),
        ]),
      )
      const batches = [batch('main')]
      const { sum, terms } = await riemannSum(model, { post, change }, batches, { rule: 'midpoint', steps: 1 })
      assertClose(sum, REFERENCE.sum, { relative: 1e-6 })
      // Each token looks at one other and no further: what chooses it has no slope.
      for (const [name, term] of terms) if (/[qk]_proj/.test(name)) assert.equal(term, 0, name)
      const [after, before] = [await lossOf(model, edited, batches), await lossOf(model, post, batches)]
      assertClose(after.mean - before.mean, REFERENCE.change, { relative: 1e-6 })
      tf.dispose([edited, post])
    })

    await t.test('where one entry has all, the derivative of a softmax is 0', async () => {
      const rows = 16
      const [q, k, v] = [3e5, -3e5, 1].map((size) =>
        tf.tensor2d(
          Array.from({ length: rows * 4 }, (_, i) => size * Math.sin(1 + i)),
          [rows, 4],
        ),
      ) as [Tensor, Tensor, Tensor]
      const mask = causalMask(padBatch([{ prompt: Array(rows).fill(1), target: [] }], [0], 0))
      const sizes = { layer: 0, heads: 1, kvHeads: 1, headDim: 4 }
      const mix = (...[q, k, v]: Tensor[]) => attend([q!, k!, v!], mask, { rows: 1, tables: { mask } }, sizes)
      const pull = tf.ones([rows, 4]).mul(v.square())
      const [dq, dk] = tf.grads(mix)([q, k, v], pull)
      for (const slope of [dq!, dk!]) assert.ok((await slope.data()).every((x) => x === 0))
      const logits = tf.oneHot(tf.range(0, rows, 1, 'int32'), rows).mul(1e9)
      const labels = tf.range(0, rows, 1, 'int32')
      const slope = tf.grad((x) => crossEntropies(x as Tensor, labels))(logits)
      assert.ok((await slope.data()).every((x) => x === 0))
    })

    await t.test('a hidden key stays hidden, whatever its score', async () => {
      const mask = causalMask(padBatch([{ prompt: [1, 1], target: [] }], [0], 0))
      const heads = [
        [1e10, 1e10],
        [-1e10, 1e10],
        [3, 5],
      ].map((column) => tf.tensor2d(column, [2, 1])) as [Tensor, Tensor, Tensor]
      const mixed = attend(heads, mask, { rows: 1, tables: { mask } }, { layer: 0, heads: 1, kvHeads: 1, headDim: 1 })
      assert.deepEqual([...(await mixed.data())], [3, 5])
    })

    await t.test('norms do not see the scale, nor do their derivatives; beyond float32 they are NaN', async () => {
      const x = tf.tensor2d([[3, -1, 2, 5, 0.5, -7]])
      const pull = tf.tensor2d([[1, -2, 3, 2, 1, 0.5]])
      const weight = tf.tensor1d([1, 2, 3, 1, -1, 2])
      for (const norm of [
        (x: Tensor) => rmsNorm(x, weight, 0),
        (x: Tensor) => layerNorm(x, { 'n.weight': weight }, 'n', 0),
      ]) {
        const slopeAt = (size: number) => tf.grad(norm)(x.mul(size), pull).mul(size).data()
        for (const size of [2 ** 20, 2 ** 50]) {
          assertClose(await norm(x.mul(size)).data(), await norm(x).data(), { relative: 1e-6 })
          assertClose(await slopeAt(size), await slopeAt(1), { tolerance: 1e-5 })
        }
        assert.ok((await norm(x.mul(2 ** 63)).data()).every(Number.isNaN))
      }
    })
  })
}
