// The tables of results/bench: ratios and verdicts of rows made by hand, and that the stored table is that of the stored figures.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Results, readPrevious, readResults } from '../../bench/merge-results.js'
import { ROWS } from '../../bench/merge-rows.js'
import { describeMerges, ratioOf } from '../../bench/merge-table.js'
import { packageRoot } from '../../src/files/index.js'

const goals = (name: string) => ROWS.find((row) => row.name === name)!.goals
const results: Results = {
  setting: {
    ...{ cpu: 'a processor', cores: 2, memory: 16, node: 'v20.0.0', deltalab: '9.9.9', mergekit: '0.1.5' },
    ...{ files: 'a folder', parameters: 246e6, dtype: 'bfloat16', rounds: 2 },
  },
  rows: [
    {
      ...{ row: 'ties', date: '2026-01-02', goals: goals('ties'), rounds: {} },
      figures: {
        deltalab: { seconds: 2, peak: 9e8 },
        floor: { seconds: 0.5, peak: 1e6 },
        mergekit: { seconds: 29, peak: 26e8 },
        '300MB': { seconds: 2.5, peak: 301e6 },
      },
    },
    {
      ...{ row: 'jobs', date: '2026-01-02', goals: goals('jobs'), rounds: {} },
      figures: { '1 job': { seconds: 3.4, peak: 1e8 }, '2 jobs': { seconds: 2, peak: 1e8 } },
    },
    {
      ...{ row: 'edit-dare', date: '2026-01-01', goals: goals('edit-dare'), rounds: {} },
      figures: { deltalab: { seconds: 2, peak: null }, floor: { seconds: 0.4, peak: null } },
    },
  ],
}
const previous = {
  deltalab: '9.9.8',
  source: 'measured earlier.',
  rows: [{ row: 'ties', figures: { deltalab: { seconds: 30, peak: 12e8 } } }],
}

test('every goal of a row has its ratio; without a figure there is none', () => {
  const [ties, jobs, dare] = results.rows
  assert.deepEqual(
    ties!.goals.map((goal) => ratioOf(ties!, goal)),
    [29 / 2, 0.5 / 2, 1e9 / 9e8, 300e6 / 301e6],
  )
  assert.deepEqual(
    jobs!.goals.map((goal) => ratioOf(jobs!, goal)),
    [3.4 / 2],
  )
  assert.deepEqual(
    dare!.goals.map((goal) => ratioOf(dare!, goal)),
    [0.4 / 2, null],
  )
})

test('the table shows figures, goals and verdicts', () => {
  const lines = describeMerges(results, previous).split('\n')
  const row = (name: string) => lines.filter((line) => line.startsWith(`| ${name} |`))
  // 2 s are 4 times the floor of 0.5 s, and 29 / 2 = 14.5 times as fast, where 15 is the goal.
  assert.deepEqual(row('ties'), [
    '| ties | 0.50 | 2.00 | 4.0 | at most 5: met | 29.0 | 14.5 | at least 15: **missed** | 30.0 |',
    '| ties | 900 | met | 301 | **missed** | 2.50 | 2600 | 1200 |',
  ])
  assert.deepEqual(row('edit-dare'), [
    '| edit-dare | 0.40 | 2.00 | 5.0 | at most 4: **missed** |  |  |  |  |',
    '| edit-dare |  | not measured |  |  |  |  |  |',
  ])
  assert.ok(lines.includes('`ties` takes 3.40 s with one job and 2.00 s with two: 1.70 times as fast (goal 1.7: met).'))
  assert.ok(lines.some((line) => line.endsWith('mergekit 0.1.5. Measured 2026-01-01, 2026-01-02.')))
})

test('results/bench/README.md is the table of merge.json', (t) => {
  const stored = readResults()
  if (!stored) return t.skip('nothing is stored yet')
  const table = readFileSync(join(packageRoot, 'results/bench/README.md'), 'utf8')
  assert.equal(table, describeMerges(stored, readPrevious()))
})
