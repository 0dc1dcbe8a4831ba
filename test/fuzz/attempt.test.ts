// A slice of `npm run fuzz`: some changed files of every kind are read or refused in one clear line; the same seed makes the same file.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openKind } from '../../fuzz/attempt.js'
import { KINDS } from '../../fuzz/kinds.js'
import { mutate } from '../../fuzz/mutate.js'

/** Changes of each kind. */
const SOME = 4

for (const kind of KINDS) {
  test(`${kind.name}: read, or refused in one clear line`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deltalab-fuzz-'))
    try {
      const attempt = await openKind(kind, folder, 1)
      for (let number = 0; number < SOME; number++) {
        const { kind: outcome, what, text } = await attempt(number)
        assert.ok(outcome === 'line' || outcome === 'fine', `${number} (${what}): ${outcome}: ${text}`)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

test('a change is a function of its seed, and most seeds change something', () => {
  const text = Buffer.from(JSON.stringify({ a: [1, 2, { b: 'x' }], c: null }))
  const made = (seed: number) => mutate('json', text, seed).bytes.toString()
  assert.equal(made(5), made(5))
  assert.ok(new Set(Array.from({ length: 100 }, (_, seed) => made(seed))).size > 60)
})
