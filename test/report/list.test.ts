// Rows one by one: conditions, columns, order, and the formats, read back with other readers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { COLUMNS, type Row } from '../../src/record/index.js'
import { encodeParquet, listRows, printRows, tellingColumns, whereRows } from '../../src/report/index.js'
import { makeRow } from './rows.js'

const rows: Row[] = [
  makeRow({ task: 'math', drop_rate: 0.5, seed: 1, score_edited: 0.5, options: { drop_rate: 0.5, rescale: true } }),
  makeRow({ task: 'math', drop_rate: 0.9, seed: 1, score_edited: 0.25, options: { drop_rate: 0.9, rescale: false } }),
  makeRow({ task: 'code', drop_rate: 0.9, seed: 2, score_edited: 0.1 + 0.2, label: 'a "b", c', selection: 'x,y' }),
  makeRow({ task: 'code', editor: 'expo', alpha: 2, score_edited: null, status: 'failed', error: 'no = sign, a|b' }),
]
const at = (...conditions: string[]) => whereRows(rows, conditions).map((row) => rows.indexOf(row))

test('conditions', () => {
  assert.deepEqual(at(), [0, 1, 2, 3])
  assert.deepEqual(at('drop_rate=0.9,task=math'), [1])
  assert.deepEqual(at('drop_rate = .9', 'task!=math'), [2])
  assert.deepEqual(at('drop_rate=0.5|0.9'), [0, 1, 2])
  assert.deepEqual(at('drop_rate>=0.9'), [1, 2])
  assert.deepEqual(at('drop_rate<0.9'), [0])
  assert.deepEqual(at('drop_rate='), [3])
  assert.deepEqual(at('drop_rate!='), [0, 1, 2])
  assert.deepEqual(at('drop_rate!=0.5'), [1, 2, 3])
  assert.deepEqual(at('drop_rate=|0.5'), [0, 3])
  assert.deepEqual(at('rescale=true'), [0])
  assert.deepEqual(at('selection=x,y'), [2])
  assert.deepEqual(at('status=failed'), [3])
  assert.deepEqual(at('error=no = sign, a|b'), [3])
  assert.deepEqual(at('error!=no = sign, a|b'), [0, 1, 2])
  assert.deepEqual(at('gap<-0.7'), [1])
  const named = ['dare, k=0', 'dare, k=1', 'a "b", c=1|2', 'dare'].map((label) => makeRow({ label, k: 0 }))
  const labelled = (condition: string) => whereRows(named, [condition]).map((row) => named.indexOf(row))
  assert.deepEqual(labelled('label=dare, k=0'), [3])
  assert.deepEqual(labelled('label="dare, k=0"'), [0])
  assert.deepEqual(labelled('label = "dare, k=0" | "dare, k=1" ,k=0'), [0, 1])
  assert.deepEqual(labelled('label!="dare, k=0"|dare'), [1, 2])
  assert.deepEqual(labelled('label="a ""b"", c=1|2"'), [2])
  for (const [condition, message] of [
    ['droprate=1', /unknown column "droprate"; did you mean "drop_rate"/],
    ['drop_rate', /^UserError: --where "drop_rate": must be a column, one of/],
    ['drop_rate=many', /^UserError: --where drop_rate=many: drop_rate is a number; got many$/],
    ['task>math', /^UserError: --where task>math: > compares numbers; got math$/],
    ['drop_rate<0.5|0.9', /^UserError: --where drop_rate<0\.5\|0\.9: < takes one number$/],
    ['drop_rate<', /< takes one number/],
    ['task>=3', /^UserError: --where task>=3: >= compares numbers; task has words$/],
  ] as const)
    assert.throws(() => at(condition), message)
})

test('columns and order', () => {
  const sorted = (...sort: string[]) => listRows(rows, { columns: ['task', 'drop_rate'], sort }).lines
  assert.deepEqual(sorted('task', '-drop_rate'), [
    ['code', 0.9],
    ['code', null],
    ['math', 0.9],
    ['math', 0.5],
  ])
  assert.deepEqual(
    sorted('drop_rate').map(([, rate]) => rate),
    [0.5, 0.9, 0.9, null],
  )
  assert.deepEqual(listRows(rows, {}).columns, COLUMNS)
  assert.deepEqual(listRows(rows, { columns: ['rescale', 'gap'] }).lines[1], [false, 0.25 - rows[1]!.score_post!])
  assert.deepEqual(listRows(rows, { columns: ['task', 'seed', 'task'] }).columns, ['task', 'seed'])
  // An option that only rows have that are not among the chosen ones.
  const none = { columns: ['rescale'], sort: ['gap'], chosenFrom: rows }
  assert.deepEqual(listRows([], none), { columns: ['rescale'], lines: [] })
  assert.throws(() => sorted('-scor_edited'), /unknown column "scor_edited"; did you mean "score_edited"/)
  const telling = tellingColumns(rows)
  assert.ok(['label', 'task', 'model', 'drop_rate', 'error'].every((name) => telling.includes(name)))
  assert.ok(!['id', 'options', 'experiment', 'dominant'].some((name) => telling.includes(name)))
})

test('every format holds the same values, to the last bit', async () => {
  const list = listRows(rows, { columns: [...COLUMNS, 'rescale', 'gap'] })
  const plain = list.lines.map((cells) => cells.map((cell) => (cell === null ? '' : String(cell))))
  assert.deepEqual(parse(printRows(list, 'csv')), [list.columns, ...plain])
  const objects = printRows(list, 'jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    objects.map(({ options }) => options),
    rows.map(({ options }) => options),
  )
  assert.deepEqual(
    objects.map(({ score_edited: score }) => score),
    rows.map(({ score_edited: score }) => score),
  )
  const file = (await encodeParquet(list)).slice().buffer
  const types = Object.fromEntries(parquetMetadata(file).schema.map(({ name, type }) => [name, type]))
  assert.deepEqual(
    [types.seed, types.drop_rate, types.rank, types.rescale, types.task],
    ['INT64', 'DOUBLE', 'DOUBLE', 'BOOLEAN', 'BYTE_ARRAY'],
  )
  const read = await parquetReadObjects({ file })
  const cells = read.map((row) =>
    list.columns.map((name) => (typeof row[name] === 'bigint' ? Number(row[name]) : row[name])),
  )
  assert.deepEqual(cells, list.lines)
  assert.match(printRows(listRows(rows, { columns: ['label', 'error'] }), 'md'), /\| expo \| no = sign, a\\\|b \|/)
  assert.equal(printRows(listRows([], { columns: ['task'] }), 'csv'), 'task\n')
})
