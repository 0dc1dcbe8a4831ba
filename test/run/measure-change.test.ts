// The columns of a loss change: which items count, and whose standard error is told. The losses are given, so nothing is computed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Loss } from '../../src/loss/index.js'
import type { LossKind } from '../../src/record/index.js'
import { measureChange } from '../../src/run/measure-change.js'

/** Sums of three items, of which the second has no token that counts. */
const lossOf = (first: number, last: number): Loss => ({
  mean: (first + last) / 5,
  tokens: 5,
  itemSums: Float64Array.of(first, 0, last),
  itemTokens: Int32Array.of(2, 0, 3),
})

async function columnsOf(kind: LossKind, after: Loss & { se?: number }) {
  const loss = { pre: lossOf(9, 9), post: lossOf(1, 2) }
  const ground = { model: {}, post: {}, task: {}, batches: [], loss } as never
  const edited = { routed: { loss: async () => after } } as never
  return (await measureChange(ground, edited, { kind, rule: 'left', steps: 1, riemann: true })).columns
}

test('items without a token do not count, and an item with weights of its own has no path', async () => {
  const columns = await columnsOf('task', lossOf(2, 4))
  assert.equal(columns.loss_items, 2)
  assert.equal(columns.loss_tokens, 5)
  assert.equal(columns.loss_change, (6 - 3) / 5)
  assert.deepEqual([columns.riemann_sum, columns.riemann_rule, columns.riemann_steps], [null, null, null])
})

test('the standard error is that of the divergence where it has one, else that of the items', async () => {
  assert.equal((await columnsOf('kl', { ...lossOf(2, 4), se: 0.5 })).loss_change_se, 0.5)
  // Both changes, 1 of 2 tokens and 2 of 3, less 0.6 for each token: −0.2 and 0.2. √(2/1 · (0.04 + 0.04)) / 5.
  const { loss_change_se: se } = await columnsOf('task', lossOf(2, 4))
  assert.ok(Math.abs(se! - Math.sqrt(0.16) / 5) < 1e-12, String(se))
})
