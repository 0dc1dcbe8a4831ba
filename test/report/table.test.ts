// Tables: numbers as people read them, the three formats, and what stands below.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { lossUnit } from '../../src/report/items.js'
import { escapeTex, printTable } from '../../src/report/print.js'
import { makeTable } from '../../src/report/table.js'
import { formatMean, formatNumber, significant, wordsOf } from '../../src/report/words.js'
import { assertClose } from '../close.js'
import { dropRateRows, makeRow } from './rows.js'

const three = [0.5, 0.6, 0.7].map((score_edited, i) =>
  makeRow({ label: 'a|b', drop_rate: 0.9, seed: i + 1, score_edited, loss_change: 0.001 * (i + 1) }),
)
const one = makeRow({ label: 'magnitude', drop_rate: 0.9, score_edited: 0.125, loss_change: -1e-7 })

test('numbers: percent with one decimal, losses with four significant digits, true minus signs', () => {
  assert.equal(formatNumber('share', 0.98765), '98.8')
  assert.equal(formatNumber('share', -0.0001), '0.0')
  assert.deepEqual(
    [0, 0.00123456, 2.34567, -0.5, 12345.6, 5e-5, 1e-4, 1.23456e-7, 2.5e9].map((value) => significant(value)),
    ['0', '0.001235', '2.346', '−0.5000', '12346', '5.000e−5', '0.0001000', '1.235e−7', '2.500e9'],
  )
})

test('a mean and its error end at the same decimal, two digits of the error', () => {
  assert.equal(formatMean(wordsOf('loss_change'), 0.123456, 0.00567), '0.1235 ± 0.0057')
  assert.equal(formatMean(wordsOf('loss_change'), -0.0002433, 0.0029578), '−0.0002 ± 0.0030')
  assert.equal(formatMean(wordsOf('loss_change'), 0.0001439, 0.000033), '0.000144 ± 0.000033')
  assert.equal(formatMean(wordsOf('loss_change'), 3e-6, 1.25e-6), '3.000e−6 ± 1.3e−6')
  assert.equal(formatMean(wordsOf('score_edited'), 0.5, 0.0123), '50.0 ± 1.2')
  assert.equal(formatMean(wordsOf('score_edited'), 0.5, null), '50.0')
  assert.equal(formatMean(wordsOf('score_post'), 0.5, 0), '50.0', 'a reference is the same for every seed')
})

test('Markdown: every line of the table has the same width, so that a terminal shows columns', () => {
  const text = printTable(makeTable([...three, one], 'Title'), 'md')
  const lines = text.split('\n').filter((line) => line.startsWith('|'))
  assert.equal(lines.length, 4)
  assert.equal(new Set(lines.map((line) => [...line.replaceAll('\\|', 'x|')].length)).size, 1)
  assert.match(lines[2]!, /\| a\\\|b /)
  assert.match(lines[2]!, / 0\.00200 ± 0\.00058 /)
  assert.match(lines[2]!, / 60\.0 ± 5\.8 /)
  assert.match(lines[3]!, / −1\.000e−7 /)
  assert.match(lines[1]!, /^\|:-+\|/, 'words to the left')
  assert.match(lines[1]!, /-:\|$/, 'numbers to the right')
})

test('merges: a line per merged model, tasks across, base and fine-tunes first; an option that follows from the method is not said', () => {
  const rows = ['math', 'code'].flatMap((task) => [
    ...[1, 2].map((seed) =>
      makeRow({
        merger: 'ties',
        merged: 'math+code',
        label: 'dare+ties',
        drop_rate: 0.5,
        task,
        seed,
        score_edited: task === 'math' ? 0.2 * seed : 0.5,
      }),
    ),
    ...[0.5, 1].map((lambda) =>
      makeRow({
        editor: null,
        merger: 'task_arithmetic',
        merged: 'math+code',
        task,
        options: { lambda },
        score_edited: lambda,
        score_post: 0.9,
      }),
    ),
  ])
  const text = printTable(
    makeTable(
      rows,
      'T',
      { across: 'task' },
      new Map([
        ['math', 0],
        ['code', 1],
      ]),
    ),
    'md',
  )
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  cells.splice(1, 1)
  assert.deepEqual(cells, [
    ['method', 'λ', 'seeds', 'math', 'code'],
    ['base', '–', '1', '0.0', '0.0'],
    ['post-trained', '–', '1', '93.5', '93.5'],
    ['dare+ties', '–', '2', '30.0 ± 10.0', '50.0 ± 0.0'],
    ['task_arithmetic', '0.5', '1', '50.0', '50.0'],
    ['task_arithmetic', '1', '1', '100.0', '100.0'],
  ])
})

test('losses of base and post-trained model stand before the merges', () => {
  const merge = makeRow({ merger: 'ties', label: 'ties', merged: 'a+b', loss_pre: 3, loss_post: 1, loss_edited: 2 })
  const { lines } = makeTable([merge], 'T', { by: ['label'], columns: ['loss_edited'], across: 'task' })
  assert.deepEqual(
    lines.map(({ keys, cells }) => [...keys, cells[0]!.mean]),
    [
      ['base', 3],
      ['post-trained', 1],
      ['ties', 2],
    ],
  )
})

test('the notes tell seeds, items, what was constant and what failed', () => {
  const failed = makeRow({ status: 'failed', error: 'loss is not finite', score_edited: null, loss_change: null })
  const { notes } = makeTable([...three, one, failed], 'T')
  const text = notes.join('\n')
  assert.match(text, /model small, task math/)
  assert.match(text, /over runs that differ in their seed \(1 to 3\)/)
  assert.match(text, /500 items per task/)
  assert.match(text, /1 failed run left out: loss is not finite/)
})

test('means over different edits say so, and not that only seeds differ', () => {
  const { notes } = makeTable([...three, one], 'T', { by: ['task'], columns: ['score_edited'] })
  const text = notes.join('\n')
  assert.match(text, /mean ± standard error over 4 runs of different label: tell them apart with --by/)
  assert.doesNotMatch(text, /differ in their seed/)
})

test('only failed runs give a table that says so', () => {
  const table = makeTable([makeRow({ status: 'failed', error: 'broke' })], 'T')
  assert.equal(table.lines.length, 0)
  for (const format of ['md', 'tex', 'csv'] as const) assert.ok(printTable(table, format).length > 0)
  assert.match(printTable(table, 'md'), /no finished run[\s\S]*broke/i)
})

test('LaTeX: booktabs, every special letter escaped, one ampersand fewer than columns', () => {
  assert.equal(
    escapeTex('a_b & 50% #1 $x$ {y} ~^\\ −1 ± α'),
    'a\\_b \\& 50\\% \\#1 \\$x\\$ \\{y\\} \\textasciitilde{}\\textasciicircum{}\\textbackslash{} $-$1 $\\pm$ $\\alpha$',
  )
  const text = printTable(makeTable([...three, one], '50 % of Δ', { by: ['label'], columns: ['score_edited'] }), 'tex')
  assert.match(text, /\\caption\{50 \\% of \$\\Delta\$\./)
  assert.match(text, /\\begin\{tabular\}\{lrr\}\n {2}\\toprule\n {2}method & seeds & score \(\\%\) \\\\\n {2}\\midrule/)
  assert.match(text, /a\|b & 3 & 60\.0 \$\\pm\$ 5\.8 \\\\/)
})

test('CSV: full numbers, with error and count', () => {
  const records = parse(
    printTable(makeTable([...three, one], 'T', { by: ['label', 'rank'], columns: ['score_edited', 'class'] }), 'csv'),
    {
      columns: true,
    },
  ) as Record<string, string>[]
  assert.deepEqual(Object.keys(records[0]!), [
    'label',
    'rank',
    'runs',
    'score_edited',
    'score_edited_error',
    'score_edited_n',
    'class',
    'class_error',
    'class_n',
  ])
  assertClose(Number(records[0]!.score_edited), 0.6, { tolerance: 1e-15 })
  assertClose(Number(records[0]!.score_edited_error), 0.1 / Math.sqrt(3), { tolerance: 1e-15 })
  assert.equal(records[1]!.score_edited_error, '')
  assert.equal(records[0]!.class, 'decreased')
})

test('one column across: a line per series, the references beside it', () => {
  const table = makeTable(dropRateRows(), 'T', { across: 'drop_rate', columns: ['score_edited'] })
  assert.equal(table.lines.length, 18)
  assert.deepEqual(
    table.columns.slice(0, 4).map(({ heading }) => heading),
    ['post (%)', 'base (%)', '0.1', '0.2'],
  )
  const line = table.lines.find(({ keys }) => keys.join() === 'small,math,dare')!
  assert.deepEqual(
    line.cells.map(({ n }) => n),
    [54, 54, 5, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5],
    'the failed run is missing at 0.2',
  )
})

test('rows in any order give the same bytes; unknown columns are answered with the nearest', () => {
  const rows = dropRateRows()
  for (const format of ['md', 'tex', 'csv'] as const) {
    assert.equal(printTable(makeTable([...rows].reverse(), 'T'), format), printTable(makeTable(rows, 'T'), format))
  }
  for (const options of [{ by: ['tsk'] }, { columns: ['tsk'] }, { across: 'tsk' }])
    assert.throws(() => makeTable(rows, 'T', options), /did you mean "task"/)
})

test('losses are per token of texts, per item of classes, and squared errors of regressions', () => {
  const row = (loss_tokens: number | null, metric: string) =>
    makeRow({ loss_items: loss_tokens === null ? null : 64, loss_tokens, metric })
  assert.equal(lossUnit([row(640, 'exact_match'), row(null, 'acc')]), 'nats per token')
  assert.equal(lossUnit([row(64, 'acc'), row(64, 'matthews')]), 'nats per item')
  assert.equal(lossUnit([row(64, 'pearson')]), 'squared error per item')
  assert.equal(lossUnit([row(64, 'pearson'), row(64, 'acc')]), 'per item')
  assert.equal(lossUnit([row(64, 'acc'), row(640, 'exact_match')]), 'nats per token')
  assert.match(
    makeTable([row(64, 'acc')], 'T', { columns: ['loss_edited'] }).notes.join(),
    /losses in nats per item, 64 items/i,
  )
})
