// `deltalab watch`: what it says of a sweep, worked out by hand; and a terminal in which it is drawn again until the sweep has finished.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeLive } from '../../src/cli/live-text.js'
import { formatLines, headerLine } from '../../src/record/csv.js'
import { type Live, type LivePart, type Meta, type Row, rowSchema } from '../../src/record/index.js'
import { temporary } from '../checkpoint/files.js'
import { meta, row } from '../record/example.js'
import { call } from './call.js'
import { inTerminal, noTerminal } from './terminal.js'

const counts = { planned: 40, done: 10, failed: 1, found: 4, rate: 0.5, left: 60 }
const part: LivePart = { ...counts, name: '', writer: { pid: 7, start: '', host: 'n1' } }
const failedRow: Row = { ...row, label: 'dare', seed: 2, status: 'failed', error: 'no memory' }
const live: Live = {
  ...counts,
  folder: 'results/e',
  experiment: 'e',
  parts: [part],
  finished: false,
  recent: [{ ...row, label: 'dare' }, failedRow],
  failures: [failedRow],
}
const everything = { columns: Infinity, rows: Infinity }

test('the counts, the speed, who writes, the last rows and the failures', () => {
  assert.deepEqual(describeLive(live, everything), [
    'e: 10 of 40 runs are done, 1 of them failed, 4 are of earlier starts',
    '██████░░░░░░░░░░░░░░░░░░ 25 % · 30/min · 1 min 0 s left',
    'process 7 of n1 is writing',
    '',
    'last rows',
    '  loss_change 0.2, score_edited 0.5, 2 s · small math dare drop_rate=0.1 rescale=true tensors=linear seed=1',
    '  failed, 2 s · small math dare drop_rate=0.1 rescale=true tensors=linear seed=2',
    '',
    'failures',
    '  small math dare drop_rate=0.1 rescale=true tensors=linear seed=2: no memory',
  ])
})

test('shards have a line each, and a small terminal has the last of every kind', () => {
  const shards = ['1-of-2', '2-of-2'].map((name, i) => ({ ...part, name, ...(i && { writer: null, rate: null }) }))
  const many = { ...live, parts: shards, recent: Array<Row>(10).fill(row) }
  const lines = describeLive(many, { columns: 50, rows: 20 })
  assert.deepEqual(lines.slice(3, 9), [
    '',
    'shards',
    '  1-of-2  10 of 40 · 1 failed · 30/min · 1 min 0…',
    '  2-of-2  10 of 40 · 1 failed · 1 min 0 s left ·…',
    '',
    'last rows (3 of 10)',
  ])
  assert.ok(lines.length < 20 && lines.every(({ length }) => length < 50))
})

const makeFolder = (folder: string, changed: Partial<Meta>, ids: readonly string[]) => {
  mkdirSync(folder, { recursive: true })
  const rows = ids.map((id) => ({ ...row, id }))
  writeFileSync(join(folder, 'runs.csv'), headerLine(rowSchema) + formatLines<Row>(rowSchema, rows))
  writeFileSync(join(folder, 'meta.json'), JSON.stringify({ ...meta, ...changed }))
}

test('where the output is no terminal it looks once', async () => {
  const folder = join(temporary(), 'results')
  assert.match((await call(['watch', folder])).stderr, /is not there: a sweep writes/)
  makeFolder(folder, { runs: 2 }, ['a'])
  assert.match((await call(['watch', folder])).stdout, /^e: 1 of 2 runs are done\n.* 50 %\nno process is writing/)
  const { done, planned, recent } = JSON.parse((await call(['watch', folder, '--json'])).stdout)
  assert.deepEqual([done, planned, recent], [1, 2, [{ ...row, id: 'a' }]])
})

test('in a terminal it waits for the folder, draws over its lines, and ends with the sweep', {
  skip: noTerminal,
}, async () => {
  const folder = join(temporary(), 'results')
  let step = 0
  const { code, screen } = await inTerminal(['watch', folder], {
    stop(screen) {
      if (step === 0 && screen.includes('waiting for a sweep')) makeFolder(folder, { runs: ++step + 1 }, ['a'])
      if (step === 1 && screen.includes('1 of 2')) makeFolder(folder, { runs: ++step, finished: 'now' }, ['a', 'b'])
      return undefined
    },
  })
  assert.equal(code, 0)
  const last = screen.slice(screen.lastIndexOf('\u001b[6A'))
  assert.match(last, /2 of 2 runs are done[^\n]*\n[^\n]* 100 %[^\n]*\nfinished/)
})
