// Rows as runs of TensorBoard: the bytes are those of its own code, and a run has one file however often the sweep is started.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { COLUMNS, type Row } from '../../src/record/index.js'
import { eventFile } from '../../src/tensorboard/event-file.js'
import { openRunLog } from '../../src/tensorboard/index.js'
import { part } from '../../src/tensorboard/protobuf.js'
import { crc32c } from '../../src/tensorboard/records.js'
import { row as example } from '../record/example.js'

const folder = mkdtempSync(join(tmpdir(), 'tensorboard-'))
after(() => rmSync(folder, { recursive: true }))

/** The run of test/fixtures/tensorboard/make.py: of the measures, few have a number. */
const row: Row = {
  ...example,
  ...(Object.fromEntries(
    COLUMNS.slice(COLUMNS.indexOf('selection') + 1, COLUMNS.indexOf('status')).map((name) => [name, null]),
  ) as Partial<Row>),
  k: null,
  tensors: 28,
  loss_change: 0.2,
  score_edited: 0.5,
  others_edited: { first: 1 },
  seconds: 1.25,
}

test('the checksum is CRC-32C', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
})

test('a length of seven bits is a byte, one of eight takes two', () => {
  assert.deepEqual([...part(1, 'x'.repeat(127)).subarray(0, 3)], [0x0a, 127, 120])
  assert.deepEqual([...part(1, 'x'.repeat(128)).subarray(0, 4)], [0x0a, 0x80, 1, 120])
})

test('the event file of a run has the bytes that TensorBoard writes', () => {
  const wanted = readFileSync(join(packageRoot, 'test/fixtures/tensorboard/run.tfevents'))
  assert.equal(eventFile(row, 1000.5).toString('latin1'), wanted.toString('latin1'))
})

const log = async (rows: Row[], ended: number) => {
  const open = await openRunLog(join(folder, 'log'))
  for (const each of rows) open.add(each, ended)
  await open.close()
}
const filesOf = (id: string) => readdirSync(join(folder, 'log', id))

test('a run is written once, and one that failed again when it has not', async () => {
  const failed: Row = { ...row, id: 'b2', status: 'failed', error: 'why', loss_change: null, score_edited: null }
  await log([row, failed], 1)
  assert.deepEqual(filesOf('b2'), ['events.out.tfevents.failed'])
  const before = readFileSync(join(folder, 'log/a1/events.out.tfevents.ok'))
  await log([row, { ...row, id: 'b2' }], 2)
  assert.deepEqual(readFileSync(join(folder, 'log/a1/events.out.tfevents.ok')), before)
  assert.deepEqual(filesOf('b2'), ['events.out.tfevents.ok'])
})

test('a folder that cannot be written is refused before anything runs', async () => {
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(openRunLog(join(folder, 'file')), /file: is a file; a folder is wanted there/)
})
