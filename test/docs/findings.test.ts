// The findings of the experiments are those of the rows in results/.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'

test('every finding is what its rows say (node scripts/findings.mjs writes them)', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/findings.mjs', '--check'], {
    cwd: packageRoot,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
})
