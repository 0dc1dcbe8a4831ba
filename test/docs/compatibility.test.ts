// docs/compatibility.md holds a row for every test of test/compatible.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { describeCompatibility } from './compatibility.js'

test('the tables of docs/compatibility.md are those of the tests (node scripts/docs.mjs writes them)', async () => {
  const written = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8')
  assert.ok(written.endsWith(await describeCompatibility()))
})

test('the files with rows hold no other tests, which would run when the rows are listed', () => {
  const folder = new URL('../../../test/compatible/', import.meta.url)
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
  const others = files.filter((name) => /^ *test\(/m.test(readFileSync(new URL(name, folder), 'utf8')))
  assert.deepEqual(others, [])
})
