// What a state belongs to: another base, other items or another tokenizer make another one.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Training } from '../../src/config/index.js'
import { identityOf } from '../../src/train/identity.js'

const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
after(() => rmSync(root, { recursive: true }))

test('it changes with the weights, the items and the tokenizer, and with nothing else', async () => {
  const recipe = { name: 'a', items: 'items.jsonl' } as Training
  const where = { companions: root, at: (path: string) => join(root, path) }
  const weights = Float32Array.of(1, 2)
  writeFileSync(join(root, 'items.jsonl'), 'one')
  writeFileSync(join(root, 'tokenizer.json'), '{}')
  const first = await identityOf(recipe, weights, where)
  assert.equal(await identityOf(recipe, weights.slice(), where), first)
  const seen = [first, await identityOf(recipe, Float32Array.of(1, 3), where)]
  writeFileSync(join(root, 'items.jsonl'), 'two')
  seen.push(await identityOf(recipe, weights, where))
  writeFileSync(join(root, 'tokenizer.json'), '{"a": 1}')
  seen.push(await identityOf(recipe, weights, where))
  assert.equal(new Set(seen).size, 4)
})
