// How far a sweep is, read from folders made by hand: counts, rates, shards, and files in the middle of a write.
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatLines, headerLine } from '../../src/record/csv.js'
import {
  followResults,
  lockFolder,
  type Meta,
  openStore,
  type Row,
  readLive,
  rowSchema,
} from '../../src/record/index.js'
import { openTally } from '../../src/record/tally.js'
import { temporary } from '../checkpoint/files.js'
import { failure } from '../failure.js'
import { meta, planOf, row } from './example.js'

const START = Date.parse('2024-01-01T00:00:00.000Z')
const fresh = () => join(temporary(), 'results')
const lines = (rows: readonly Partial<Row>[]) =>
  formatLines<Row>(
    rowSchema,
    rows.map((each) => ({ ...row, ...each })),
  )
const failed = (id: string): Partial<Row> => ({ id, status: 'failed', error: `no memory, "${id}"` })

function makeFolder(folder: string, changed: Partial<Meta>, rows: readonly Partial<Row>[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'meta.json'), JSON.stringify({ ...meta, ...changed }))
  writeFileSync(join(folder, 'runs.csv'), headerLine(rowSchema) + lines(rows))
}

test('the rate counts the rows since the latest start, and only while somebody writes', async () => {
  const folder = fresh()
  const latest = { started: '2024-01-01T01:00:00.000Z', found: 2 }
  makeFolder(folder, { runs: 10, latest }, [{ id: 'a' }, { id: 'b' }, failed('c'), { id: 'd' }])
  const look = followResults(folder, () => START + 3_620_000)
  const idle = look()!
  assert.deepEqual(
    [idle.planned, idle.done, idle.failed, idle.found, idle.rate, idle.left, idle.finished],
    [10, 4, 1, 2, null, null, false],
  )
  const lock = await lockFolder(folder)
  const { rate, left, parts } = look()!
  assert.deepEqual([rate, left, parts[0]!.writer!.pid], [0.1, 60, process.pid])
  // A plan that became shorter: nothing is left.
  makeFolder(folder, { runs: 3, latest }, [{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' }])
  assert.deepEqual([look()!.done, look()!.left], [4, 0])
  lock.release()
  assert.equal(look()!.parts[0]!.writer, null)
})

test('the last rows and the last failures are read as they were written', () => {
  const folder = fresh()
  const many = Array.from({ length: 30 }, (_, i) => (i % 3 ? { id: `r${i}`, label: `é ${i}` } : failed(`r${i}`)))
  makeFolder(folder, { runs: 30, finished: 'then' }, many)
  const live = readLive(folder)
  assert.deepEqual([live.done, live.failed, live.found, live.finished], [30, 10, 30, true])
  assert.deepEqual(
    live.recent,
    many.slice(-10).map((each) => ({ ...row, ...each })),
  )
  assert.equal(live.failures[9]!.error, 'no memory, "r27"')
})

test('a second look takes what was appended, without half a row, and starts anew in another file', () => {
  const folder = fresh()
  makeFolder(folder, { runs: 4 }, [{ id: 'a' }])
  const look = followResults(folder)
  const next = lines([failed('b')])
  appendFileSync(join(folder, 'runs.csv'), next.slice(0, 30))
  assert.equal(look()!.done, 1)
  appendFileSync(join(folder, 'runs.csv'), next.slice(30))
  assert.deepEqual([look()!.done, look()!.failed], [2, 1])
  makeFolder(folder, { runs: 4 }, [])
  assert.equal(look()!.done, 0)
})

test('a line break between quotes is part of its cell', () => {
  const path = join(temporary(), 'runs.csv')
  writeFileSync(path, 'id,status,error\na,failed,"one\ntwo,ok,\n"\nb,ok,\nc,failed,"a ""quoted"" word"\nd,ok')
  const tally = openTally(path)
  const rows = tally.update()
  assert.deepEqual(
    [...rows].map(([id, { failed }]) => [id, failed]),
    [
      ['a', true],
      ['b', false],
      ['c', true],
    ],
  )
  assert.equal(tally.textOf([...rows.values()].slice(0, 2)), 'id,status,error\na,failed,"one two,ok, "\nb,ok,\n')
})

test('rows longer than what is read at a time are whole', () => {
  const path = join(temporary(), 'runs.csv')
  const long = 'x'.repeat(3 << 20)
  writeFileSync(path, `id,error\na,${long}\nb,ok,\nc,`)
  const rows = openTally(path).update()
  assert.deepEqual([...rows.keys()], ['a', 'b'])
  assert.equal(rows.get('a')!.bytes, long.length + 3)
})

test('shards are counted one by one and together; a run of two folders counts once', async () => {
  const folder = fresh()
  const shard = (name: string) => join(folder, 'shards', name)
  makeFolder(shard('2-of-3'), { runs: 4, whole: 12 }, [{ id: 'a' }, failed('b')])
  makeFolder(shard('10-of-3'), { runs: 4, whole: 12 }, [{ id: 'c' }, { id: 'd' }, { id: 'e' }])
  mkdirSync(shard('1-of-3'))
  const locks = await Promise.all([shard('2-of-3'), shard('10-of-3')].map((each) => lockFolder(each)))
  const look = followResults(folder, () => START + 10_000)
  const live = look()!
  assert.deepEqual(
    live.parts.map(({ name, done, rate, left }) => [name, done, rate, left]),
    [
      ['2-of-3', 2, 0.2, 10],
      ['10-of-3', 3, 0.3, 10 / 3],
    ],
  )
  assert.deepEqual([live.planned, live.done, live.failed, live.rate, live.left], [12, 5, 1, 0.5, 14])
  for (const lock of locks) lock.release()
  makeFolder(folder, { runs: 12, latest: { started: '2024-01-02', found: 3 } }, [{ id: 'a' }, { id: 'b' }])
  const collecting = look()!
  assert.deepEqual([collecting.planned, collecting.done, collecting.failed], [12, 5, 0])
  assert.deepEqual(collecting.failures, [])
})

test('a store says when the latest start was and what it found, until the plan is finished', async () => {
  const folder = fresh()
  const first = await openStore(folder, planOf(['a', 'b'], { started: 'first' }))
  await first.append({ ...row, id: 'a' }, [])
  await first.close()
  const again = await openStore(folder, planOf(['a', 'b'], { started: 'second' }))
  assert.deepEqual([again.meta.started, again.meta.latest], ['first', { started: 'second', found: 1 }])
  assert.deepEqual([readLive(folder).found, readLive(folder).done], [1, 1])
  await again.append({ ...row, id: 'b' }, [])
  await again.finish(['a', 'b'], 'end')
  await again.close()
  assert.equal(readLive(folder).finished, true)
})

test('what is no results folder has no look', () => {
  const folder = fresh()
  assert.equal(followResults(folder)(), null)
  const refusal = () => failure(() => readLive(folder))
  assert.match(refusal(), /is not there/)
  mkdirSync(folder)
  assert.match(refusal(), /is no results folder/)
})
