// Lists of what was written: the shipped checkpoints are as theirs say, so that `deltalab family --overwrite` may replace them.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { strangersIn } from '../../src/files/manifest.js'

test('the shipped checkpoints are as their lists say; node scripts/seal.mjs lists them again', async () => {
  const folders = readdirSync('checkpoints').flatMap((part) =>
    existsSync(join('checkpoints', part, 'base')) ? readdirSync(join('checkpoints', part)).map((name) => join('checkpoints', part, name)) : [])
  assert.ok(folders.length > 20)
  for (const folder of folders) assert.deepEqual(await strangersIn(folder), [], folder)
})
