// What stands under a table in a terminal, and how a wide one is broken: by hand-made rows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/record/index.js'
import { doubtsOf, legendOf, makeTable, printForTerminal, printTable } from '../../src/report/index.js'
import { makeRow } from './rows.js'

const dare = (given: Partial<Row>) => makeRow({ drop_rate: 0.5, options: { drop_rate: 0.5, rescale: true }, ...given })
const rows = [
  dare({ seed: 0, class: 'competitive' }),
  dare({ seed: 1, class: 'decreased' }),
  dare({ seed: 0, label: 'drop-only', options: { drop_rate: 0.5, rescale: false } }),
  makeRow({ editor: 'magnitude', drop_rate: 0.9, options: { drop_rate: 0.9, rescale: false } }),
]
const table = makeTable(rows, 'Made-up runs')

test('a legend of three lines says what columns and classes mean, and tells the variants of an editor apart', () => {
  assert.deepEqual(legendOf(table, rows), [
    'p: drop rate; loss change: edited − post, above 0 is worse; Riemann sum: its estimate; Taylor 2: its second-order estimate',
    'class: decreased (worse) or improved by over 2 standard errors (over items), else competitive; mixed: runs differ',
    'dare: rescale true; drop-only: dare with rescale false',
  ])
  const scores = makeTable(rows.slice(0, 1), 'T', { columns: ['score_edited'] })
  assert.deepEqual(legendOf(scores, rows.slice(0, 1)), [], 'what is plain is not explained')
})

test('options that vary under one label do not tell it from another', () => {
  const swept = [0.5, 0.9].flatMap((drop_rate) =>
    ['a', 'b'].map((label) => makeRow({ label, drop_rate, options: { drop_rate, lambda: label === 'a' ? 1 : 2 } })),
  )
  assert.equal(legendOf(makeTable(swept, 'T'), swept).at(-1), 'a: dare with lambda 1; b: dare with lambda 2')
})

test('a wide table is broken into blocks, each with the columns that name a line; nothing is lost', () => {
  const wide = printForTerminal(table, ['p: drop rate'], Infinity)
  assert.equal(wide, `${printTable(table)}p: drop rate\n`)
  const width = Math.max(...wide.split('\n').map((line) => (line.startsWith('|') ? line.length : 0)))
  assert.equal(printForTerminal(table, ['p: drop rate'], width), wide)
  const text = printForTerminal(table, [], 60)
  const rowsOfText = text.split('\n').filter((line) => line.startsWith('|'))
  assert.ok(
    rowsOfText.every((line) => line.length <= 60),
    text,
  )
  const heads = text.split('\n').filter((line) => line.includes('method'))
  assert.ok(heads.length > 1 && heads.every((line) => /^\| method +\| +p \|/.test(line)))
  for (const { heading } of table.columns) assert.equal(heads.filter((line) => line.includes(` ${heading} `)).length, 1)
})

test('doubts: no delta, scores of 0, classes near the border', () => {
  assert.deepEqual(doubtsOf([dare({})]), [])
  // 2 standard errors are 0.004: 0.0055 is 0.75 of an error above it, 0.0071 is more than one.
  const near = dare({ loss_change: 0.0055 })
  assert.deepEqual(
    doubtsOf([near, dare({ loss_change: 0.0071 }), dare({ loss_change: -0.0025, class: 'competitive' })]),
    ['2 of 3 classes are undecided: within one standard error of the border to another; more items decide'],
  )
  assert.deepEqual(doubtsOf([dare({ loss_change: 0.0071 })]), [])
  // Of a divergence the border is at 8 nats on all positions: 0.08 on 100.
  const diverging = { loss_kind: 'kl', loss_tokens: 100, riemann_rule: 'gauss' } as const
  assert.deepEqual(doubtsOf([dare({ ...diverging, loss_change: 0.0055, loss_change_se: null })]), [])
  assert.match(doubtsOf([dare({ ...diverging, loss_change: 0.0815 })]).join(), /^the class is undecided/)
  assert.match(
    doubtsOf([dare({ ...diverging, loss_change: 0.5, riemann_rule: 'left', riemann_steps: 4 })]).join(),
    /a left sum of 4 steps is about 1\/4 too small; use gauss or midpoint$/,
  )
  assert.match(
    doubtsOf([dare({ ...diverging, loss_change: 0.5, riemann_rule: 'right', riemann_steps: 5 })]).join(),
    /a right sum of 5 steps is about 1\/5 too large; use gauss or midpoint$/,
  )
  const zero = { score_pre: 0, score_post: 0, score_edited: 0, loss_change: 1 }
  assert.match(
    doubtsOf([dare({ ...zero, task: 'code' }), dare({ ...zero, score_edited: 0.1 })]).join(),
    /^all scores on code are 0/,
  )
  assert.deepEqual(doubtsOf([dare({ ...zero, score_edited: 0.1 }), dare(zero)]), [], 'one score above 0 will do')
  assert.match(doubtsOf([dare({ delta_norm: 0, loss_change: 1 })]).join(), /^base and post of small are equal/)
  assert.deepEqual(doubtsOf([dare({ delta_norm: 0, loss_change: 1 }), dare({})]), [], 'some tensors alone are equal')
  assert.match(doubtsOf([dare({ loss_change_se: null })]).join(), /^the class is of one item, without an error$/)
  assert.deepEqual(doubtsOf([makeRow({ ...zero, status: 'failed' })]), [])
})
