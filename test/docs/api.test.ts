// Everything that the doors of the package export has a docstring: names, members, parameters.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'

test('node scripts/api-docs.mjs --check: no exported name, member or parameter is without a docstring', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(packageRoot, 'scripts/api-docs.mjs'), '--check'],
    { cwd: packageRoot, encoding: 'utf8' },
  )
  assert.equal(status, 0, stdout + stderr)
})
