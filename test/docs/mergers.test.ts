// docs/mergers.md lists the mergers and options that the code has, and its example files are merge files.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { mergeSchema } from '../../src/merge/index.js'
import { describeMergers } from '../../src/mergers/describe.js'

const text = readFileSync(new URL('../../../docs/mergers.md', import.meta.url), 'utf8')

test('the tables of docs/mergers.md are those of the code (node scripts/docs.mjs writes them)', () => {
  assert.ok(text.endsWith(`\n${describeMergers()}`))
})

test('its examples are merge files', () => {
  const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => mergeSchema.parse(parse(yaml!)))
  assert.deepEqual(
    examples.map(({ merge_method: method, merger }) => method ?? merger),
    ['ties', 'ties', 'linear', 'dare_ties'],
  )
})
