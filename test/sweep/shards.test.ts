// Shards of a sweep: whatever their number, and whatever became of them, the collected rows are those of one machine.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os, { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { startOf } from '../../src/files/lock.js'
import { divideRuns } from '../../src/plan/index.js'
import { type Row, readResults, shardFolder } from '../../src/record/index.js'
import { executePlan, type SweepSettings } from '../../src/sweep/execute.js'
import { backend, edit, experiment, fakeWorker, planned, withoutSeconds } from '../plan/plans.js'

process.env.FAKE_DELAY = '0'
const root = mkdtempSync(join(tmpdir(), 'shards-'))
after(() => rmSync(root, { recursive: true }))
let number = 0
const fresh = () => join(root, String(number++), 'results')
const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')

const given = experiment([edit('x', 0.1), edit('x', 0.2), edit('throws', 0.5), edit('y', 0.9, false)], [1, 2])
const { runs, from } = planned(given)
const common = { jobs: 1, backend, worker: fakeWorker }

/** Makes a share of the runs. @returns ids of the rows that were made */
async function work(folder: string, index: number, count: number, more: Partial<SweepSettings> = {}) {
  const made: string[] = []
  const share = divideRuns(runs, () => 1, count)[index - 1]!
  const onRow = (row: Row, { found }: { found: boolean }) => void (found || made.push(row.id))
  const outcome = await executePlan(given, share, from, { ...common, folder, shard: { index, count }, onRow, ...more })
  return { made, outcome, share }
}

async function collect(folder: string, more: Partial<SweepSettings> = {}) {
  const made: string[] = []
  const notes: string[] = []
  const onRow = (row: Row, { found }: { found: boolean }) => void (found || made.push(row.id))
  const options = { ...common, folder, onRow, onNote: (text: string) => void notes.push(text), ...more }
  const outcome = await executePlan(given, runs, from, options)
  return { made, notes, outcome }
}

const whole = (async () => {
  const folder = fresh()
  await collect(folder)
  return folder
})()

async function assertWhole(folder: string) {
  const alone = await whole
  assert.equal(withoutSeconds(read(folder, 'runs.csv')), withoutSeconds(read(alone, 'runs.csv')))
  for (const file of ['terms.csv', 'config.yaml']) assert.equal(read(folder, file), read(alone, file))
  assert.deepEqual(readdirSync(folder).sort(), readdirSync(alone).sort())
}

test('rows are those of one machine, whichever shards of whichever numbers there were', async () => {
  const shards = fc.uniqueArray(
    fc.tuple(fc.nat(7), fc.integer({ min: 1, max: 8 })).map(([at, count]) => [1 + (at % count), count] as const),
    { minLength: 1, maxLength: 6, selector: String },
  )
  await fc.assert(
    fc.asyncProperty(shards, async (list) => {
      const folder = fresh()
      const done = new Set<string>()
      for (const [index, count] of list) {
        const { made, share } = await work(folder, index, count)
        assert.deepEqual(made.sort(), share.flatMap(({ id }) => (done.has(id) ? [] : [id])).sort())
        for (const id of made) done.add(id)
      }
      const { made } = await collect(folder)
      assert.equal(made.length, runs.length - done.size)
      await assertWhole(folder)
    }),
    { numRuns: 4 },
  )
})

test('a shard that was stopped goes on where it was; with nothing to do it writes nothing', async () => {
  const folder = fresh()
  const stop = new AbortController()
  const first = await work(folder, 1, 2, {
    signal: stop.signal,
    onRow: (_, { done }) => {
      if (done === 3) stop.abort()
    },
  })
  assert.equal(first.outcome.finished, false)
  const again = await work(folder, 1, 2)
  assert.equal(again.outcome.finished, true)
  assert.ok(again.made.length <= first.share.length - 3)
  assert.ok(existsSync(join(shardFolder(folder, { index: 1, count: 2 }), 'runs.csv')))
  const { notes } = await collect(folder)
  assert.ok(notes.includes(`${folder}: ${first.share.length} rows of 1 shard collected`), notes.join('\n'))
  const { outcome } = await work(folder, 2, 2)
  assert.deepEqual(outcome, { planned: 0, done: 0, failed: 0, warnings: [], finished: true })
  await assertWhole(folder)
})

test('a sweep waits for no shard that is running: it refuses and names it; and a shard waits for no sweep', async () => {
  const folder = fresh()
  await work(folder, 2, 3)
  const running = shardFolder(folder, { index: 2, count: 3 })
  const lock = `${process.ppid} ${startOf(process.ppid)} ${os.hostname()} x`
  writeFileSync(join(running, 'sweep.lock'), lock)
  await assert.rejects(
    collect(folder),
    new RegExp(`${running} is being written by process ${process.ppid}: wait for it`),
  )
  rmSync(join(running, 'sweep.lock'))
  writeFileSync(join(folder, 'sweep.lock'), lock)
  await assert.rejects(work(folder, 1, 3), /it does the runs of all shards; wait for it/)
  rmSync(join(folder, 'sweep.lock'))
  await collect(folder)
  await assertWhole(folder)
})

test('rows of shards on other inputs are kept apart, and a failed row gives way to one that succeeded', async () => {
  const folder = fresh()
  const other = { ...from, meta: { ...from.meta, inputs: { 'a/post/model.safetensors': 'bb' } } }
  const share = divideRuns(runs, () => 1, 4)[0]!
  await executePlan(given, share, other, { ...common, folder, shard: { index: 1, count: 4 } })
  const { notes, made } = await collect(folder)
  assert.equal(made.length, runs.length)
  assert.match(notes[0]!, new RegExp(`: ${share.length} rows of shards cannot be used by this config and these inputs`))
  assert.equal(readdirSync(join(folder, 'unused')).length, 1)

  // In the results folder every run failed; a shard of a later start has the rows.
  const failing = fresh()
  await collect(failing, { worker: new URL('file:///no/such/worker.js') })
  await work(failing, 1, 1, { retryFailed: true })
  await collect(failing)
  const { rows } = await readResults(failing)
  assert.deepEqual(
    [...new Set(rows.map(({ label, status }) => `${label} ${status}`))],
    ['x ok', 'throws failed', 'y ok'],
  )
})

test('a shard of another experiment is refused before it computes', async () => {
  const folder = fresh()
  await collect(folder)
  const another = { ...from, meta: { ...from.meta, experiment: 'another' } }
  await assert.rejects(
    executePlan(given, runs, another, { ...common, folder, shard: { index: 1, count: 2 } }),
    /holds the experiment fake, and this one is another/,
  )
  mkdirSync(join(root, 'model'))
  writeFileSync(join(root, 'model', 'config.json'), '{}')
  await assert.rejects(work(join(root, 'model'), 1, 2), /is the folder of a model/)
})
