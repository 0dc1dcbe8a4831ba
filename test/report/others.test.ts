// Further scores in tables and figures, by the names `others_edited.NAME`, `others_post.NAME` and `others_pre.NAME`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figureOptions } from '../../src/report/options.js'
import { seriesOf } from '../../src/report/series.js'
import { makeTable } from '../../src/report/table.js'
import { makeRow } from './rows.js'

const rows = [0.5, 0.9].flatMap((drop_rate) =>
  [1, 2].map((seed) =>
    makeRow({
      drop_rate,
      seed,
      others_pre: { first: 0 },
      others_post: { first: 0.9 },
      others_edited: { first: drop_rate / seed, 'acc,strict': 1 },
    }),
  ),
)

test('a table of further scores: means over seeds in percent, with those of base and post', () => {
  const columns = ['others_edited.first', 'others_post.first', 'others_pre.first', 'others_edited.acc,strict']
  const table = makeTable(rows, 't', { by: ['drop_rate'], columns })
  assert.deepEqual(
    table.columns.map(({ heading }) => heading),
    ['first answer (%)', 'first answer, post (%)', 'first answer, base (%)', 'acc,strict (%)'],
  )
  assert.deepEqual(
    table.lines.map(({ cells }) => cells.map(({ mean }) => Number(mean!.toFixed(6)))),
    [
      [0.375, 0.9, 0, 1],
      [0.675, 0.9, 0, 1],
    ],
  )
  assert.ok(table.notes.some((note) => note.includes('scores in percent')))
})

test('the table of a sweep of self-correction shows what the score came from', () => {
  const all = rows.map((row) => ({ ...row, others_edited: { first: 0.5, wrong_right: 0.2, right_wrong: 0.1 } }))
  const { columns } = makeTable(all, 't')
  assert.deepEqual(
    columns.map(({ heading }) => heading).filter((heading) => heading.endsWith('(%)')),
    ['first answer (%)', 'wrong → right (%)', 'right → wrong (%)', 'score (%)', 'post (%)', 'base (%)'],
  )
})

test('across another column, base and post stand in columns of their own', () => {
  const { columns } = makeTable([...rows, makeRow({ task: 'code', drop_rate: 0.5, seed: 1 })], 't', {
    by: ['label'],
    across: 'drop_rate',
    columns: ['others_edited.first'],
  })
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['others_post.first', 'others_pre.first', 'others_edited.first', 'others_edited.first'],
  )
})

test('a figure of a further score beside the score, and its references', () => {
  const draw = (y: string[]) => {
    const options = figureOptions(rows, { x: 'drop_rate', y })
    return seriesOf({
      rows,
      options,
      order: new Map(),
      headings: { metrics: [rows[0]!.metric] },
    } as unknown as Parameters<typeof seriesOf>[0])
  }
  const { points, levels } = draw(['others_edited.first'])
  assert.deepEqual(
    points.map(({ x, y }) => [x, Number(y.toFixed(6))]),
    [
      [0.5, 0.375],
      [0.9, 0.675],
    ],
  )
  assert.deepEqual(
    levels.map(({ y }) => y),
    [0.9, 0],
  )
  assert.equal(draw(['others_edited.first', 'score_edited']).points.length, 4)
})

test('a name that no row has is refused with the nearest', () => {
  assert.throws(() => makeTable(rows, 't', { columns: ['others_edited.frist'] }), /others_edited\.first/)
})
