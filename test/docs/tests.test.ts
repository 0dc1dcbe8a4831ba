// test/README.md says what every test file checks.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { describeTests } from './tests.js'

test('the list of tests is current (node scripts/docs.mjs writes it)', () => {
  const text = readFileSync(join(packageRoot, 'test', 'README.md'), 'utf8')
  assert.equal(text, describeTests())
})

test('every test file begins with what it checks', () => {
  assert.deepEqual(
    describeTests()
      .split('\n')
      .filter((line) => /: $/.test(line)),
    [],
  )
})
