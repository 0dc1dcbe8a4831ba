// The scores of a row: the task's first metric is the score, whether it is of replies or beside post, and all others have their names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinScores } from '../../src/run/of-post.js'

const replies = { metric: 'exact_match', score: 0.75, others: { f1: 0.5 } }
const compared = { kl: 3, kl_se: 0.25 }
const task = (metric: string) => ({ metric }) as never

test('a metric of replies first: what is beside post is further', () => {
  assert.deepEqual(joinScores(task('exact_match'), replies, compared), {
    ...replies,
    others: { f1: 0.5, kl: 3, kl_se: 0.25 },
  })
  assert.equal(joinScores(task('exact_match'), replies, null), replies)
})

test('a metric beside post first: replies are further, or there are none', () => {
  assert.deepEqual(joinScores(task('kl'), replies, compared), {
    metric: 'kl',
    score: 3,
    others: { kl_se: 0.25, exact_match: 0.75, f1: 0.5 },
  })
  assert.deepEqual(joinScores(task('kl'), null, compared), { metric: 'kl', score: 3, others: { kl_se: 0.25 } })
})
