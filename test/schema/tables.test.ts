// Tables in Markdown: one line for a row, whatever its cells hold.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { markdownTable, tablesOf } from '../../src/schema/index.js'

test('a bar in a cell is escaped, so that it does not end the cell', () => {
  assert.equal(markdownTable(['a', 'b'], [['|x|', 'y']]), '| a | b |\n|---|---|\n| \\|x\\| | y |\n')
})

test('a schema is a table of its keys, and one of each section', () => {
  const schema = z.strictObject({
    rule: z.enum(['left', 'right']).default('left').describe('Where |t| is taken.'),
    score: z.strictObject({ items: z.number().int().describe('How many.') }).optional(),
  })
  assert.equal(
    tablesOf('# All', schema),
    [
      '# All\n\n| key | value | default | meaning |\n|---|---|---|---|',
      '| `rule` | `left`, `right` | `"left"` | Where \\|t\\| is taken. |',
      '| `score` | section |  |  |\n',
      '## `score`\n\n| key | value | default | meaning |\n|---|---|---|---|',
      '| `items` | integer | required | How many. |\n',
    ].join('\n'),
  )
})
