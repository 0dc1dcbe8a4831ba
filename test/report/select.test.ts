// Options chosen by validation scores: of a merge one value for all its tasks, of an edit one for each; what is shown is the test score.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/record/index.js'
import { specOf } from '../../src/report/figure.js'
import { printTable } from '../../src/report/print.js'
import { selectRows } from '../../src/report/select.js'
import { makeTable } from '../../src/report/table.js'
import { makeRow } from './rows.js'

const of = (lambda: number, task: string, score_validation: number | null, more: Partial<Row> = {}) =>
  makeRow({
    editor: null,
    merger: 'task_arithmetic',
    merged: 'a+b',
    options: { lambda },
    task,
    score_validation,
    score_edited: lambda / 10,
    ...more,
  })
const ids = (rows: readonly Row[]) => rows.map(({ id }) => id)

test('a merge has one value for all its tasks: the best in the mean over tasks, where every task counts alike', () => {
  // On a and b: 0.5 has 0.4 and 0.8, 1 has 0.9 (three seeds) and 0.2. Over runs alone 1 would win.
  const half = [of(0.5, 'a', 0.4), of(0.5, 'b', 0.8)]
  const whole = [...[0.8, 0.9, 1].map((score, seed) => of(1, 'a', score, { seed })), of(1, 'b', 0.2)]
  assert.deepEqual(selectRows([...whole, ...half], ['lambda']), half)
})

test('an edit of one delta has a value for each task', () => {
  const edit = { merger: null, merged: null, editor: 'dare' }
  const [a, b] = [
    [of(0.5, 'a', 0.4, edit), of(1, 'a', 0.9, edit)],
    [of(0.5, 'b', 0.8, edit), of(1, 'b', 0.2, edit)],
  ]
  assert.deepEqual(ids(selectRows([...a, ...b], ['lambda'])), [a[1]!.id, b[0]!.id])
})

test('other merges, models and labels choose for themselves; what has one value stays, with no score to choose by', () => {
  const rows = [
    of(0.5, 'a', 0.1),
    of(1, 'a', 0.2),
    of(0.5, 'a', 0.2, { merged: 'a+c' }),
    of(1, 'a', 0.1, { merged: 'a+c' }),
    of(0.5, 'a', 0.2, { model: 'large' }),
    of(1, 'a', 0.1, { model: 'large' }),
    of(0.5, 'a', null, { label: 'alone' }),
    makeRow({ label: 'no such option', task: 'a' }),
  ]
  assert.deepEqual(
    ids(selectRows(rows, ['lambda'])),
    [1, 2, 4, 6, 7].map((i) => rows[i]!.id),
  )
})

test('two options are chosen together; equal means go to the lowest value', () => {
  const rows = [
    [1, 10, 0.5],
    [1, 2, 0.7],
    [0.5, 10, 0.7],
    [0.5, 2, 0.1],
  ].map(([lambda, rank, score]) => of(lambda!, 'a', score!, { rank: rank! }))
  assert.deepEqual(selectRows(rows, ['lambda', 'rank']), [rows[2]])
  assert.deepEqual(ids(selectRows(rows, ['rank'])), [rows[1]!.id, rows[2]!.id], 'each lambda its own')
})

test('a value that failed on one of the tasks is not chosen; failed seeds of the chosen one stay to be counted', () => {
  const failed = { status: 'failed', error: 'no', score_edited: null } as const
  const rows = [
    of(0.5, 'a', 0.3),
    of(0.5, 'a', null, { ...failed, seed: 2 }),
    of(0.5, 'b', 0.3),
    of(1, 'a', 0.9),
    of(1, 'b', null, failed),
  ]
  assert.deepEqual(ids(selectRows(rows, ['lambda'])), ids(rows.slice(0, 3)))
})

test('without a score, without a choice, or without the option there is an error', () => {
  assert.throws(
    () => selectRows([of(0.5, 'a', null), of(1, 'a', null)], ['lambda']),
    /task_arithmetic: no score_validation to choose lambda by: give `validation` in the section `score`/,
  )
  assert.throws(
    () => selectRows([of(0.5, 'a', 1, { rank: 1 }), of(1, 'a', 1, { rank: 2 })], ['lambda']),
    /nothing to choose: no runs differ in lambda alone/,
  )
  assert.throws(() => makeTable([of(0.5, 'a', 1)], '', { select: ['lamda'] }), /did you mean "lambda"/)
})

test('tables and figures show the test score of what was chosen, and say so', () => {
  const rows = [
    of(0.5, 'a', 0.4),
    of(0.5, 'b', 0.8),
    of(1, 'a', 0.9),
    of(1, 'b', 0.2),
    of(1, 'a', 0.9, { merged: 'a' }),
    of(0.5, 'a', 0.2, { merged: 'a' }),
  ]
  const table = makeTable(rows, 'T', { by: ['merged'], columns: ['score_edited'], select: ['lambda'] })
  assert.deepEqual(
    table.lines.map(({ keys, cells }) => [...keys, cells[0]!.mean]),
    [
      ['a', 0.1],
      ['a+b', 0.05],
    ],
  )
  assert.match(printTable(table, 'md'), /hosen on the validation items: λ/)
  assert.ok(
    table.notes.every((note) => !/different .*lambda/.test(note)),
    table.notes.join(),
  )
  const spec = JSON.stringify(
    specOf(
      { rows, terms: [], order: new Map(), title: 'T' },
      { kind: 'heat', x: 'task', series: 'merged', select: 'lambda' },
    ),
  )
  assert.match(spec, /hosen on the validation items: λ/)
  assert.deepEqual([...spec.matchAll(/"text":"([\d.]+)"/g)].map(([, text]) => text).sort(), ['10.0', '5.0', '5.0'])
})
