// docs/fixtures.md says what the code does now: the same rows, differences of the same size.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertClose } from '../close.js'
import { describeFixtures } from './parity.js'

/** Rows without their numbers, and the numbers: another machine rounds a little differently. */
const rows = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => {
      const cells = line.split(' | ')
      return { row: cells.slice(0, -2).join(' | '), worst: Number(cells.at(-2)) }
    })

test('the tables of docs/fixtures.md are those of the code (node scripts/docs.mjs writes them)', async () => {
  const written = rows(readFileSync(new URL('../../../docs/fixtures.md', import.meta.url), 'utf8'))
  const now = rows(await describeFixtures())
  assert.deepEqual(
    written.map(({ row }) => row),
    now.map(({ row }) => row),
  )
  for (const [i, { row, worst }] of now.entries()) {
    if (Number.isNaN(worst)) continue
    assertClose(
      worst,
      written[i]!.worst,
      { tolerance: 1e-7 + worst / 2 },
      `${row}: ${worst} now, ${written[i]!.worst} written`,
    )
  }
})
