// The speeds in the README are those of results/bench.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readResults } from '../../bench/merge-results.js'
import { describeSpeed } from '../../bench/merge-table.js'

test('the speeds in the README are current (node scripts/docs.mjs writes them)', () => {
  const [, paragraph] = /## Speed\n\n([^[]*)/.exec(readFileSync('README.md', 'utf8'))!
  assert.equal(paragraph, describeSpeed(readResults()!))
})
