// The table of results/bench/compute.md: medians, ratios and verdicts of times made by hand, and that the stored one is that of the stored times.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ComputeResults, describeCompute, GOALS, ratioOf, readCompute } from '../../bench/compute-results.js'
import { packageRoot } from '../../src/files/index.js'

const RESULTS: ComputeResults = {
  setting: { cpu: 'a processor', cores: 2, memory: 8, node: 'v20.0.0', deltalab: '1.0.0', date: '2026-01-02' },
  versions: { native: 'TensorFlow 2', 'PyTorch, 2 threads': 'PyTorch 2' },
  rows: {
    '97.5M, 512 tokens, forward': { native: [900, 400, 500], 'PyTorch, 2 threads': [300, 450, 460] },
    'deltalab --help': { wasm: [80, 100, 90] },
  },
  failed: [],
}

test('a ratio is of medians, and of what was measured alone', () => {
  const goal = (row: string, ours: string) => GOALS.find((each) => each.row === row && each.ours === ours)!
  assert.deepEqual(ratioOf(RESULTS, goal('97.5M, 512 tokens, forward', 'native')), {
    ours: 500,
    theirs: 450,
    ratio: 0.9,
  })
  assert.equal(ratioOf(RESULTS, goal('97.5M, 512 tokens, gradient', 'native')), null)
  assert.equal(ratioOf(RESULTS, goal('97.5M, 512 tokens, forward', 'wasm')), null)
  assert.equal(ratioOf(RESULTS, goal('deltalab --help', 'wasm'))!.ratio, 150 / 90)
})

test('the table names what was missed', () => {
  const lines = describeCompute(RESULTS).split('\n')
  for (const line of [
    '| what | native | PyTorch, 2 threads | wasm |',
    '| 97.5M, 512 tokens, forward | 500 | 450 |  |',
    '| 97.5M, 512 tokens, forward | native | PyTorch, 2 threads | 0.90 | at least 1.00: **missed** |',
    '| deltalab --help | wasm | 150 ms | 1.67 | at least 1.00: met |',
    '| native | TensorFlow 2 |',
  ])
    assert.ok(lines.includes(line), line)
})

test('results/bench/compute.md is the table of compute.json', (t) => {
  const stored = readCompute()
  if (!stored) return t.skip('nothing is stored yet')
  assert.equal(readFileSync(join(packageRoot, 'results/bench/compute.md'), 'utf8'), describeCompute(stored))
})
