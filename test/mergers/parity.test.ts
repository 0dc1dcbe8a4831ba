// Every merger against the reference outputs of the field's tools.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import { chooseSoup } from '../../src/mergers/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { cases, runCase } from './fixtures.js'
import { meant } from './meant.js'

before(() => setBackend(BACKEND))

const numbers = cases.filter(({ kind, output }) => kind === 'mergers' && output !== 'json')

for (const reference of numbers) {
  test(reference.id, async () => {
    const { share, where, compared } = await runCase(reference)
    assert.ok(compared >= 4)
    assert.ok(share <= 1, `${where}: ${share} times the tolerance`)
  })
}

test('the cases reach these mergers', () => {
  const seen = new Set(numbers.map((reference) => meant(reference).merging.merger.name))
  const reached = [
    'average',
    'emr',
    'fisher',
    'iso_c',
    'knots_ties',
    'model_stock',
    'nuslerp',
    'regmean',
    'sce',
    'slerp',
    'task_arithmetic',
    'ties',
    'tsv_merge',
    'widen',
  ]
  assert.deepEqual([...seen].sort(), reached)
})

test("greedy soup takes what the authors' code takes", async () => {
  const { expected } = cases.find(({ id }) => id === 'greedy-soup')!
  const text = readFileSync(new URL(`../../../test/fixtures/methods/${expected}`, import.meta.url), 'utf8')
  const file = JSON.parse(text) as {
    models: number[][]
    target: number[]
    individual: number[]
    steps: { model: number; score: number; accepted: boolean }[]
    ingredients: number[]
    best: number
  }
  // The stand-in for a held-out score that the file describes: round(1/(1 + |v - target|²), 6) of the average v.
  const score = (members: number[]): number => {
    const v = file.target.map((_, i) => members.reduce((sum, m) => sum + file.models[m]![i]!, 0) / members.length)
    return Number((1 / (1 + v.reduce((sum, x, i) => sum + (x - file.target[i]!) ** 2, 0))).toFixed(6))
  }
  const soup = await chooseSoup(file.individual, async (members) => score(members))
  assert.deepEqual(soup.chosen, file.ingredients)
  assert.equal(soup.score, file.best)
  assert.deepEqual(
    soup.tried,
    file.steps.map(({ model, score: reached, accepted }) => ({ model, score: reached, taken: accepted })),
  )
})
