// Metrics of choices by hand: the first of equals is taken, a likelihood is divided by the letters, and any right choice is right.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scoreReplies } from '../../../src/evaluate/index.js'
import { type ChoiceTask, largestIndex } from '../../../src/tasks/index.js'
import { CHOICE_METRICS } from '../../../src/tasks/scoring/choice.js'

const { acc_norm, acc_bytes, mc2 } = CHOICE_METRICS
const item = (texts: string[], right: number[]) => ({ choices: texts.map((text) => ({ prompt: '', text })), right })

test('of equal likelihoods the first is chosen', () => {
  assert.deepEqual([largestIndex([1, 1]), largestIndex([0, 2, 2])], [0, 1])
})

test('a likelihood by letters or bytes; a choice without letters counts one', () => {
  assert.equal(acc_norm.score([-1, -2.4], item(['a', 'bbb'], [1])), 1) // −1 and −0.8
  assert.equal(acc_norm.score([-1, -2.4], item(['', 'bbb'], [1])), 1)
  // é is one letter and two bytes: −1 and −0.75 by letters, −0.5 and −0.75 by bytes.
  assert.equal(acc_norm.score([-1, -0.75], item(['é', 'b'], [0])), 0)
  assert.equal(acc_bytes.score([-1, -0.75], item(['é', 'b'], [0])), 1)
})

test('the probability of the right choices together', () => {
  const likelihoods = [1, 2, 5].map(Math.log)
  assert.ok(Math.abs(mc2.score(likelihoods, item(['a', 'b', 'c'], [0, 2])) - 6 / 8) < 1e-12)
})

test('where several choices are right, any of them is, also for the metrics of classes', async () => {
  const asked = { id: '1', prompt: 'q', target: 'b', fields: {} }
  const items = [
    [1, 2],
    [0, 1],
  ].map((right) => ({ ...asked, ...item(['a', 'b', 'c'], right) }))
  const task = { name: 't', version: 1, description: '', kind: 'choices', metric: 'acc', maxNewTokens: 0, items }
  const likelihoods = [-3, -2, -1]
  const { score, items: each } = await scoreReplies(task as ChoiceTask, [likelihoods, likelihoods])
  assert.deepEqual([score, [...each]], [0.5, [1, 0]])
})
