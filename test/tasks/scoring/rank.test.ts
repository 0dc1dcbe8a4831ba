// Ranks and their metrics by hand-worked numbers, and the filtered blanks of a card.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineTask, RANK_METRICS, rankAmong, type TaskDefinition } from '../../../src/tasks/index.js'
import { loadKind } from '../kinds.js'

test('the highest score has rank 1; equal scores share the mean of their ranks', () => {
  assert.equal(rankAmong([0.1, 0.9, 0.5], 1), 1)
  assert.equal(rankAmong([0.1, 0.9, 0.5], 0), 3)
  // One is higher, and three share ranks 2, 3 and 4.
  assert.equal(rankAmong([2, 7, 2, 2, 1], 2), 3)
  // A model that says the same of all has the rank of chance: (1 + 2 + 3 + 4) / 4.
  assert.equal(rankAmong([5, 5, 5, 5], 0), 2.5)
  assert.equal(rankAmong([-1], 0), 1)
})

test('MR, MRR and hits of the ranks 1, 2.5, 3, 11', () => {
  const ranks = [1, 2.5, 3, 11]
  const mean = (name: string) => ranks.reduce((sum, rank) => sum + RANK_METRICS[name]!.score(rank), 0) / ranks.length
  assert.equal(mean('mean_rank'), 17.5 / 4)
  assert.ok(Math.abs(mean('mrr') - (1 + 0.4 + 1 / 3 + 1 / 11) / 4) < 1e-15)
  assert.deepEqual(['hits_at_1', 'hits_at_3', 'hits_at_10'].map(mean), [0.25, 0.75, 0.75])
})

const card: Omit<TaskDefinition & { kind: 'rank' }, 'data'> = {
  ...{ name: 'links', kind: 'rank', prompt: '{{text}}', pair: '{{pair}}', metric: ['mrr', 'hits_at_1'], label: '0' },
  ...{ choices: ['ann', 'bob', 'cat', 'dan'], right: '{{answer}}', others: 'others' },
}
const row = { text: '___ knows', pair: 'dan', answer: 'cat', others: ['ann'] }
const load = (rows: object[], more: object = {}) =>
  loadKind('rank', defineTask({ ...card, ...more, data: rows as Record<string, unknown>[] }))

test('a blank is filled with every choice but the other right ones, on either side', async () => {
  const { items } = await load([row, { ...row, text: 'ann knows', pair: '___', answer: 'bob', others: [] }])
  assert.deepEqual(items[0]!.filled, [
    { text: 'bob knows', pair: 'dan' },
    { text: 'cat knows', pair: 'dan' },
    { text: 'dan knows', pair: 'dan' },
  ])
  assert.deepEqual([items[0]!.right, items[0]!.target, items[0]!.label], [1, 'cat', 0])
  assert.deepEqual(
    items[1]!.filled.map(({ pair }) => pair),
    ['ann', 'bob', 'cat', 'dan'],
  )
})

test('choices are put in as they are written', async () => {
  const choices = ['$&', '$$5', "$'"]
  const { items } = await load([{ ...row, answer: '$$5', others: [] }], { choices })
  assert.deepEqual(
    items[0]!.filled.map(({ text }) => text),
    choices.map((each) => `${each} knows`),
  )
})

test('rows without a blank, without the right choice, and cards without what the kind needs', async () => {
  await assert.rejects(load([{ ...row, text: 'ann knows' }]), /row 1: neither prompt nor pair has the blank ___/)
  await assert.rejects(load([{ ...row, answer: 'eve' }]), /the right choice "eve" is not one of ann, bob, cat, dan/)
  await assert.rejects(load([{ ...row, others: ['cat'] }]), /the right choice "cat" is among the others/)
  await assert.rejects(load([row], { label: 'x' }), /the label must be the number of a class; got "x"/)
  await assert.rejects(load([]), /holds no items/)
  assert.throws(() => defineTask({ ...card, label: undefined, data: [row] } as never), /label/)
  assert.throws(() => defineTask({ ...card, metric: 'acc', data: [row] }), /acc/)
})
