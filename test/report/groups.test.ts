// Groups: means and standard errors worked by hand, laws that hold for any rows, and what is left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UserError } from '../../src/errors/index.js'
import { cellOf, compareValues, groupRows, meanOf, orderOf, rowsWhere } from '../../src/report/groups.js'
import { makeTable } from '../../src/report/table.js'
import { assertClose } from '../close.js'
import { makeRow } from './rows.js'

const scores = (...values: (number | null)[]) =>
  values.map((score_edited, i) => makeRow({ drop_rate: 0.5, seed: i + 1, score_edited }))

test('an option with the name of a column is not hidden by it: two tasks of emr are two lines', () => {
  const rows = [0, 1].map((task) => makeRow({ editor: null, merger: 'emr', label: 'emr', options: { task } }))
  assert.deepEqual(
    makeTable(rows, 'T', {}).lines.map(({ runs }) => runs),
    [1, 1],
  )
  assert.equal(cellOf(rows[1]!, 'options.task'), 1)
})

test('mean and standard error by hand', () => {
  // 1, 2, 3, 4: mean 2.5, s² = (2.25 + .25 + .25 + 2.25) / 3 = 5/3, s/√4 = √(5/12)
  const four = meanOf(scores(0.1, 0.2, 0.3, 0.4), 'score_edited')
  assert.equal(four.n, 4)
  assertClose(four.mean!, 0.25, { tolerance: 1e-15 })
  assertClose(four.error!, Math.sqrt(5 / 12) / 10, { tolerance: 1e-15 })
  // Two values: half their distance.
  assertClose(meanOf(scores(0.2, 0.6), 'score_edited').error!, 0.2, { tolerance: 1e-15 })
})

test('one run has no standard error, none has no mean, and empty cells do not count', () => {
  assert.deepEqual(meanOf(scores(0.75), 'score_edited'), { mean: 0.75, error: null, n: 1 })
  assert.deepEqual(meanOf(scores(null), 'score_edited'), { mean: null, error: null, n: 0 })
  assert.equal(meanOf(scores(0.5, null, 0.25), 'score_edited').n, 2)
})

test('runs of a group are in the order of their seeds, 10 behind 2', () => {
  const rows = [10, 2, null, 1].map((seed) => makeRow({ drop_rate: 0.5, seed }))
  const { groups } = groupRows(rows, ['drop_rate'])
  assert.deepEqual(
    groups.map((group) => group.rows.map(({ seed }) => seed)),
    [[null, 1, 2, 10]],
  )
})

test('failed runs are counted and left out of the means', () => {
  const rows = [
    ...scores(0.5, 0.7),
    makeRow({ drop_rate: 0.5, seed: 3, score_edited: null, status: 'failed', error: 'broke' }),
  ]
  const { groups, failed } = groupRows(rows, ['drop_rate'])
  assert.equal(groups.length, 1)
  assert.equal(groups[0]!.rows.length, 2)
  assert.deepEqual(
    failed.map((row) => row.error),
    ['broke'],
  )
})

test('options inside a chain, and values per model, tell runs apart', () => {
  const chain = (multiplier: number, seed: number) =>
    makeRow({
      seed,
      options: {
        steps: [
          { editor: 'dare', drop_rate: 0.5 },
          { editor: 'bitdelta', multiplier },
          { editor: 'dare', drop_rate: 0.1 },
        ],
      },
    })
  const rows = [chain(1, 1), chain(1, 2), chain(0.5, 1), chain(0.5, 2)]
  assert.deepEqual(
    ['bitdelta.multiplier', 'dare.drop_rate', 'dare2.drop_rate', 'multiplier'].map((name) => cellOf(rows[0]!, name)),
    [1, 0.5, 0.1, null],
  )
  assert.deepEqual(makeTable(rows, '').by, ['label', 'bitdelta.multiplier'])
  assert.deepEqual(
    makeTable(rows, '').lines.map(({ runs }) => runs),
    [2, 2],
  )
  assert.deepEqual(groupRows(rows, ['label']).mixed, ['bitdelta.multiplier'])
  const merges = [0.3, 0.7].map((a) => makeRow({ options: { weight: { math: a, code: 1 - a } } }))
  assert.equal(makeTable(merges, '').lines.length, 2)
})

test('options of the editor and the gap to the post-trained score are columns', () => {
  const row = makeRow({ options: { multiplier: 1.5, rescale: false }, score_edited: 0.5, score_post: 0.75 })
  assert.equal(cellOf(row, 'multiplier'), 1.5)
  assert.equal(cellOf(row, 'gap'), -0.25)
  assert.equal(cellOf(row, 'rescale'), false)
  assert.equal(groupRows([row, makeRow({ options: { multiplier: 2 } })], ['multiplier']).groups.length, 2)
})

test('columns beside the seed that vary inside a group are named', () => {
  const rows = [
    makeRow({ drop_rate: 0.1, options: { rescale: true } }),
    makeRow({ drop_rate: 0.2, options: { rescale: false } }),
  ]
  assert.deepEqual(groupRows(rows, ['model']).mixed, ['drop_rate', 'rescale'])
  assert.deepEqual(groupRows(rows, ['drop_rate']).mixed, [])
})

test('an unknown column is answered with the nearest', () => {
  assert.throws(
    () => makeTable(scores(1), '', { by: ['drop_rat'] }),
    (error) => error instanceof UserError && /unknown column "drop_rat"; did you mean "drop_rate"/.test(error.message),
  )
})

test('the order of the config rules words, size rules numbers, and empty comes first', () => {
  const order = orderOf({ models: [{ name: 'small' }, { name: 'large' }], report: { series: 'label' } })
  assert.deepEqual(
    ['large', 'tiny', 'small', null].sort((a, b) => compareValues(a, b, order)),
    [null, 'small', 'large', 'tiny'],
  )
  assert.deepEqual(
    [10, 9, -1].sort((a, b) => compareValues(a, b)),
    [-1, 9, 10],
  )
})

test('a view keeps the rows with one of the values it names', () => {
  const rows = [
    makeRow({ label: 'a', drop_rate: 0.1 }),
    makeRow({ label: 'b', drop_rate: 0.1 }),
    makeRow({ label: 'a', drop_rate: 0.2 }),
  ]
  assert.equal(rowsWhere(rows, { label: 'a' }).length, 2)
  assert.equal(rowsWhere(rows, { label: ['a', 'b'], drop_rate: 0.1 }).length, 2)
  assert.equal(rowsWhere(rows, undefined).length, 3)
  assert.throws(() => makeTable(rows, '', { where: { lable: 'a' } }), /did you mean "label"/)
})

const anyRow = fc.record({
  label: fc.constantFrom('dare', 'magnitude', 'lowrank'),
  drop_rate: fc.constantFrom(0.1, 0.5, 0.9),
  seed: fc.integer({ min: 0, max: 9 }),
  score_edited: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  status: fc.constantFrom('ok' as const, 'ok' as const, 'failed' as const),
})

test('law: means lie between the extremes, every finished run is in one group, and the order of rows changes nothing', () => {
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (given, keys) => {
      const rows = given.map((row, i) => makeRow({ ...row, id: `id${i}` }))
      const grouping = groupRows(rows, ['label', 'drop_rate'])
      assert.equal(
        grouping.groups.reduce((sum, group) => sum + group.rows.length, 0) + grouping.failed.length,
        rows.length,
      )
      for (const group of grouping.groups) {
        const values = group.rows.flatMap((row) => (row.score_edited === null ? [] : [row.score_edited]))
        const { mean, error, n } = meanOf(group.rows, 'score_edited')
        assert.equal(n, values.length)
        if (mean === null) continue
        assert.ok(mean >= Math.min(...values) - 1e-12 && mean <= Math.max(...values) + 1e-12)
        assert.ok(
          error === null
            ? n === 1
            : error >= 0 && error <= (Math.max(...values) - Math.min(...values)) / Math.sqrt(2) + 1e-12,
        )
      }
      const shuffled = rows
        .map((row) => ({ row, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ row }) => row)
      const again = groupRows(shuffled, ['label', 'drop_rate'])
      assert.deepEqual(again.groups, grouping.groups)
      assert.deepEqual(again.mixed, grouping.mixed)
    }),
    { numRuns: 100 },
  )
})
