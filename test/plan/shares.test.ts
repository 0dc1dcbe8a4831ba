// Shares of a plan: each run in exactly one, equal in cost within a run, few models in each, and the same for every process.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { divideRuns, type Run } from '../../src/plan/index.js'
import { edit, experiment, pair, planned } from './plans.js'

const plans = fc
  .record({
    models: fc.integer({ min: 1, max: 4 }),
    tasks: fc.subarray(['math', 'code', 'chat'], { minLength: 1 }),
    edits: fc.integer({ min: 1, max: 5 }),
    seeds: fc.integer({ min: 1, max: 4 }),
    costs: fc.array(fc.double({ min: 0, max: 1e15, noNaN: true }), { minLength: 1, maxLength: 12 }),
    count: fc.integer({ min: 1, max: 40 }),
  })
  .map(({ models, tasks, edits, seeds, costs, count }) => {
    const given = experiment(
      Array.from({ length: edits }, (_, i) => edit('x', (i + 1) / 10, i % 2 === 0)),
      Array.from({ length: seeds }, (_, i) => i + 1),
    )
    const { runs } = planned({ ...given, models: ['a', 'b', 'c', 'd'].slice(0, models).map(pair) }, tasks)
    const costOf = (run: Run) => costs[parseInt(run.id.slice(0, 6), 16) % costs.length]!
    return { runs, costOf, count }
  })

const ids = (runs: readonly Run[]) => runs.map(({ id }) => id)

test('every run is in exactly one share, and shares keep the order of the plan', () => {
  fc.assert(
    fc.property(plans, ({ runs, costOf, count }) => {
      const shares = divideRuns(runs, costOf, count)
      assert.equal(shares.length, count)
      assert.deepEqual(ids(shares.flat()).sort(), ids(runs).sort())
      const place = new Map(ids(runs).map((id, i) => [id, i]))
      for (const share of shares)
        assert.deepEqual(
          ids(share),
          ids(share).sort((a, b) => place.get(a)! - place.get(b)!),
        )
    }),
    { numRuns: 100 },
  )
})

test('a share costs what is fair within the cost of one run, and all of them load few models', () => {
  fc.assert(
    fc.property(plans, ({ runs, costOf, count }) => {
      const shares = divideRuns(runs, costOf, count)
      const cost = (run: Run) => 1 + costOf(run)
      const sum = (some: readonly Run[]) => some.reduce((total, run) => total + cost(run), 0)
      const fair = sum(runs) / count
      const largest = Math.max(...runs.map(cost))
      for (const share of shares) assert.ok(Math.abs(sum(share) - fair) <= largest * (1 + 1e-9))
      const groups = (some: readonly Run[]) => new Set(some.map(({ pair, task }) => `${pair.name} ${task.name}`)).size
      const loads = shares.reduce((total, share) => total + groups(share), 0)
      assert.ok(loads <= groups(runs) + shares.filter((share) => share.length > 0).length - 1)
    }),
    { numRuns: 100 },
  )
})

test('by hand: two models of four equal runs in three shares', () => {
  const given = experiment([edit('x', 0.5)], [1, 2, 3, 4])
  const { runs } = planned(given, ['math'])
  const byId = (some: Run[]) => ids(some).sort()
  const [a, b] = [byId(runs.slice(0, 4)), byId(runs.slice(4))]
  // Middles of the runs at 1/16, 3/16 … 15/16 of the cost; cuts at 1/3 and 2/3.
  assert.deepEqual(
    divideRuns(runs, () => 7, 3).map((share) => ids(share).sort()),
    [a.slice(0, 3), [a[3]!, b[0]!].sort(), b.slice(1)],
  )
})
