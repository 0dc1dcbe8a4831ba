// docs/compatibility.md holds a row for every test of test/compatible.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { describeCompatibility } from './compatibility.js'

test('the tables of docs/compatibility.md are those of the tests (node scripts/docs.mjs writes them)', async () => {
  const written = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8')
  assert.ok(written.endsWith(await describeCompatibility()))
})
