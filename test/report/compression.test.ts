// The table for compression: which rows make a line, what its cells are, by hand, and what it says where something is missing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import type { Row } from '../../src/record/index.js'
import { compressionTables, makeCompressionTable } from '../../src/report/compression.js'
import { lackOf } from '../../src/report/compression-notes.js'
import { orderOf } from '../../src/report/groups.js'
import { printTable } from '../../src/report/print.js'
import type { Table } from '../../src/report/table.js'
import { makeRow } from './rows.js'

/** Cells of a table as text, without the rule below the header. */
const cellsOf = (table: Table) =>
  printTable(table)
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|:'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

const dare = { editor: 'dare', drop_rate: 0.5, options: { drop_rate: 0.5, rescale: true }, bits_per_parameter: 8 }
const bitdelta = { editor: 'bitdelta', bits: 1, options: { multiplier: 1 }, bits_per_parameter: 1.02, edit_norm: 1.2 }
/** The rows of one edit on a text and on a labelled task. */
const onBoth = (given: Partial<Row>, kl: number, score: number): Row[] => [
  makeRow({
    ...given,
    task: 'notes',
    metric: 'kl',
    score_pre: 0.8,
    score_post: 0,
    score_edited: kl,
    others_edited: { same_top: 0.75, perplexity_ratio: 1.5 },
    others_post: { same_top: 1, perplexity_ratio: 1 },
    n: 12,
  }),
  makeRow({ ...given, task: 'math', score_edited: score }),
]
const rows = [
  ...[1, 2].flatMap((seed) => onBoth({ ...dare, seed, edit_norm: seed, edit_norm_rest: seed / 2 }, 0.1 * seed, 0.9)),
  ...onBoth(bitdelta, 0.3, 0.6),
]

test('a line per edit over tasks and seeds, the fewest bits first; an edit counts once for each seed, whatever its tasks', () => {
  assert.deepEqual(cellsOf(makeCompressionTable(rows, 'T')), [
    [
      'method',
      'options',
      'seeds',
      'bits/parameter',
      'error',
      'error of the rest',
      'KL',
      'same top (%)',
      'perplexity ratio',
      'score (%)',
    ],
    ['base', '–', '1', '–', '–', '–', '0.8000', '–', '–', '0.0'],
    ['post-trained', '–', '1', '–', '–', '–', '0', '100.0', '1.000', '97.0'],
    ['bitdelta', 'bits = 1', '1', '1.02', '0.6000', '0.5000', '0.3000', '75.0', '1.500', '60.0'],
    [
      'dare',
      'p = 0.5',
      '2',
      '8.00',
      '0.75 ± 0.25',
      '0.38 ± 0.13',
      '0.150 ± 0.050',
      '75.0 ± 0.0',
      '1.500 ± 0',
      '90.0 ± 0.0',
    ],
  ])
})

test('KL as a further score of two tasks has a column for each, and so have their scores', () => {
  const two = ['math', 'code'].map((task, i) =>
    makeRow({ ...bitdelta, task, others_edited: { kl: i + 1, same_top: 0.5 }, score_edited: 0.25 }),
  )
  const table = makeCompressionTable(two, 'T', {}, orderOf(['math', 'code']))
  assert.deepEqual(table.columns.map(({ heading }) => heading).slice(3), [
    'KL, math',
    'same top (%), math',
    'KL, code',
    'same top (%), code',
    'math (%)',
    'code (%)',
  ])
  assert.deepEqual(
    table.lines[2]!.cells.slice(3).map(({ mean }) => mean),
    [1, 0.5, 2, 0.5, 0.25, 0.25],
  )
  const [record] = parse(printTable(makeCompressionTable(two, 'T', { separate: true }), 'csv'), {
    columns: true,
    from: 3,
  }) as Record<string, string>[]
  assert.deepEqual(
    [record!.label, record!.bits, record!['kl math'], record!['score_edited code']],
    ['bitdelta', '1', '1', '0.25'],
  )
})

test('on texts and on labelled tasks, where a line has one of each: the columns say which', () => {
  const both = rows.map((row) => (row.task === 'math' ? { ...row, others_edited: { kl: 2 } } : row))
  assert.deepEqual(
    makeCompressionTable(both, 'T')
      .columns.map(({ heading }) => heading)
      .slice(3),
    ['KL, text', 'same top (%), text', 'perplexity ratio, text', 'KL, task', 'score (%)'],
  )
})

test('fine-tunes that share the name of a model are told apart by their tasks, and keep the order of the config', () => {
  const shared = [
    ...['code', 'math'].map((task, i) => makeRow({ ...bitdelta, model: 'small', task, delta_norm: 2 + i })),
    makeRow({ ...bitdelta, model: 'large', task: 'math', delta_norm: 8 }),
  ]
  const { by, lines } = makeCompressionTable(shared, 'T', {}, orderOf(['small', 'large', 'math', 'code']))
  assert.deepEqual(by, ['model', 'task', 'label', 'options'])
  assert.deepEqual(
    lines.map(({ keys }) => keys.slice(0, 3).join(' ')),
    ['small math', 'small code', 'large math'].flatMap((post) =>
      ['base', 'post-trained', 'bitdelta'].map((label) => `${post} ${label}`),
    ),
  )
})

test('options that an editor has at one value only are not said, but rates, ranks and bits are; others tell lines apart', () => {
  const shown = [
    ...[true, false].map((rescale) => makeRow({ ...dare, options: { drop_rate: 0.5, rescale }, edit_norm: 1 })),
    makeRow({ editor: 'quantise', bits: 2, options: { bits: 2, group: 128 } }),
    makeRow({ editor: 'lowrank', options: { fraction: 0.25 } }),
    ...[0.1, 0.2].map((drop_rate) =>
      makeRow({
        editor: 'dare+bitdelta',
        drop_rate,
        bits: 1,
        options: {
          steps: [
            { editor: 'dare', drop_rate },
            { editor: 'bitdelta', multiplier: 1 },
          ],
        },
      }),
    ),
  ]
  assert.deepEqual(
    cellsOf(makeCompressionTable(shown, 'T'))
      .slice(3)
      .map((cells) => cells[1])
      .sort(),
    [
      'bits = 2',
      'fraction = 0.25',
      'p = 0.1, bits = 1',
      'p = 0.2, bits = 1',
      'p = 0.5, rescale = false',
      'p = 0.5, rescale = true',
    ],
  )
})

test('merges have no bits and stand last; perplexities without a divergence give their ratio; older rows lack the rest', () => {
  const plain = { metric: 'perplexity', score_pre: 9, score_post: 4, score_edited: 5, task: 'notes' }
  const merge = {
    ...plain,
    editor: null,
    merger: 'ties',
    merged: 'math+code',
    options: { lambda: 0.5 },
    bits_per_parameter: null,
  }
  const old = { dominant: null, delta_norm_rest: null, edit_norm_rest: null }
  assert.deepEqual(
    cellsOf(makeCompressionTable([makeRow({ ...merge, ...old }), makeRow({ ...bitdelta, ...plain })], 'T')),
    [
      ['method', 'options', 'bits/parameter', 'error', 'error of the rest', 'perplexity ratio'],
      ['base', '–', '–', '–', '–', '2.250'],
      ['post-trained', '–', '–', '–', '–', '1.000'],
      ['bitdelta', 'bits = 1', '1.02', '0.6000', '0.5000', '1.250'],
      ['ties', 'λ = 0.5', '–', '0.5000', '–', '1.250'],
    ],
  )
})

test('a loss that is the divergence is one, and how a loss was measured makes no line', () => {
  const [kl, task] = [
    makeRow({ ...bitdelta, loss_kind: 'kl', loss_pre: 2, loss_post: 0, loss_edited: 0.25, riemann_rule: 'gauss' }),
    makeRow({ ...bitdelta, riemann_rule: 'left' }),
  ]
  const { columns, lines } = makeCompressionTable([kl, task], 'T')
  const at = columns.findIndex(({ name }) => name === 'kl')
  assert.deepEqual(
    lines.map(({ cells }) => cells[at]!.mean),
    [2, 0, 0.25],
  )
})

test('the notes name the tensors that dominate, with their shares, and failed runs', () => {
  const pooler = { dominant: { 'bert.pooler.dense.weight': 0.3137 } }
  const failed = makeRow({ ...dare, status: 'failed', error: 'broke' })
  const { notes } = makeCompressionTable([makeRow({ ...bitdelta, ...pooler }), failed], 'T')
  const text = notes.join('. ')
  assert.match(text, /more than a tenth of ‖Δ‖²: bert\.pooler\.dense\.weight \(31 %\)/)
  assert.match(text, /1 failed run left out: broke/)
  assert.match(makeCompressionTable([makeRow(bitdelta)], 'T').notes.join(), /no tensor holds more than a tenth/)
})

test('shares are those of the edit of the most tensors; one of a single tensor is not mixed in', () => {
  const all = { ...bitdelta, tensors: 199, dominant: { pooler: 0.38 } }
  const one = { ...bitdelta, label: 'no pooler', tensors: 2, dominant: { pooler: 0.999 } }
  const { notes } = makeCompressionTable([makeRow(one), makeRow(all)], 'T')
  assert.match(
    notes.join('. '),
    /‖Δ‖²: pooler \(38 %\); an edit of fewer tensors leaves out those that dominate among them/,
  )
})

test('for reading, fine-tunes on tasks of other names have a table each, so that no column is empty', () => {
  const rowsOf = (skill: string, delta: number) =>
    ['text', 'plain'].map((kind) =>
      makeRow({ ...bitdelta, task: `${kind}-${skill}`, metric: 'kl', score_edited: 1, delta_norm: delta }),
    )
  const order = orderOf(['text-math', 'plain-math', 'text-code', 'plain-code'])
  const tables = compressionTables([...rowsOf('math', 2), ...rowsOf('code', 3)], 'T', order)
  assert.deepEqual(
    tables.map(({ title, columns }) => [title, columns.slice(3).map(({ heading }) => heading)]),
    ['math', 'code'].map((skill) => [
      `T: small, text-${skill} + plain-${skill}`,
      [`KL, text-${skill}`, `KL, plain-${skill}`],
    ]),
  )
  assert.equal(compressionTables(rowsOf('math', 2), 'T', order)[0]!.title, 'T', 'one fine-tune has the table itself')
})

test('without a divergence there is one line that says how to get it', () => {
  assert.match(lackOf([makeRow()]).join(), /metric: \[METRIC, kl\].*text: FILE, metric: kl.*sweep again/)
  assert.deepEqual(lackOf(rows), [])
})
