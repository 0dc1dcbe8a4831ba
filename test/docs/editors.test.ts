// docs/editors.md lists the editors and options that the code has.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { describeEditors } from '../../src/editors/describe.js'

test('the tables of docs/editors.md are those of the code (node scripts/docs.mjs writes them)', () => {
  assert.ok(
    readFileSync(new URL('../../../docs/editors.md', import.meta.url), 'utf8').endsWith(`\n${describeEditors()}`),
  )
})
