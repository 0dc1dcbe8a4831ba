// Rows do not depend on the number of threads; a run that fails, or takes its thread with it, is a row of its own.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { MergeEdit, ModelPair } from '../../src/config/index.js'
import { readResults } from '../../src/record/index.js'
import { executePlan } from '../../src/sweep/execute.js'
import { listJobs } from '../../src/sweep/jobs.js'
import { backend, edit, experiment, fakeWorker, pair, planned, withoutSeconds } from '../plan/plans.js'

const fresh = () => join(mkdtempSync(join(tmpdir(), 'sweep-')), 'results')
const read = (folder: string, file = 'runs.csv') => readFileSync(join(folder, file), 'utf8')

test('one thread and four give the same bytes, seconds aside, in the order of the plan', async () => {
  process.env.FAKE_DELAY = '4'
  const given = experiment([edit('x', 0.5), edit('y', 0.9, false)], [1, 2, 3])
  const { runs, meta } = planned(given)
  const folders = await Promise.all(
    [1, 4].map(async (jobs) => {
      const folder = fresh()
      const outcome = await executePlan(given, runs, meta, { folder, jobs, backend, worker: fakeWorker })
      assert.deepEqual(outcome, { planned: 16, done: 16, failed: 0, warnings: [], finished: true })
      return folder
    }),
  )
  assert.equal(withoutSeconds(read(folders[0]!)), withoutSeconds(read(folders[1]!)))
  assert.equal(read(folders[0]!, 'terms.csv'), read(folders[1]!, 'terms.csv'))
  const { rows } = await readResults(folders[1]!)
  assert.deepEqual(
    rows.map((row) => row.id),
    runs.map((run) => run.id),
  )
  assert.deepEqual(rows.map((row) => row.seed).slice(0, 4), [1, 2, 3, null])
  for (const row of rows) assert.equal(row.score_pre, row.task.length, 'the reference of its own task')
})

test('runs that throw, exit or crash are failed rows and the others finish', async () => {
  process.env.FAKE_DELAY = '1'
  const given = experiment(
    [edit('x', 0.1), edit('throws', 0.2), edit('exits', 0.3), edit('crashes', 0.4), edit('y', 0.5)],
    [1],
  )
  const { runs, meta } = planned(given)
  const folder = fresh()
  const outcome = await executePlan(given, runs, meta, { folder, jobs: 2, backend, worker: fakeWorker })
  assert.deepEqual(outcome, { planned: 20, done: 20, failed: 12, warnings: [], finished: true })
  const { rows, terms, meta: written } = await readResults(folder)
  const errors = Object.fromEntries(rows.map((row) => [row.label, row.error]))
  assert.deepEqual(errors, {
    x: null,
    throws: 'out of range',
    exits: 'its worker stopped: exit code 3',
    crashes: 'its worker stopped: heap is gone',
    y: null,
  })
  assert.equal(terms.length, 16)
  assert.equal(written.failed, 12)

  const kept = await executePlan(given, runs, meta, {
    folder,
    jobs: 2,
    backend,
    worker: new URL('file:///no/such/worker.js'),
  })
  assert.deepEqual(kept, outcome, 'nothing runs again')
  let again = 0
  await executePlan(given, runs, meta, {
    folder,
    jobs: 2,
    backend,
    worker: fakeWorker,
    retryFailed: true,
    onRow: (_, { found }) => {
      if (!found) again++
    },
  })
  assert.equal(again, 12)
})

test('without its reference no run of the task can finish, and the other task goes on', async () => {
  const given = experiment([edit('x', 0.1)], [1, 2])
  const { runs, meta } = planned(given, ['math', 'broken'])
  const folder = fresh()
  await executePlan(given, runs, meta, { folder, jobs: 3, backend, worker: fakeWorker })
  const { rows } = await readResults(folder)
  assert.deepEqual(rows.map((row) => `${row.task} ${row.status}`).sort(), [
    ...Array(4).fill('broken failed'),
    ...Array(4).fill('math ok'),
  ])
  assert.match(
    rows.find((row) => row.task === 'broken')!.error!,
    /base and post-trained model could not be measured: no such item/,
  )
})

test('what a merger needs is measured once for each post, before the runs; where that fails its runs do', async () => {
  const fisher = (posts: ModelPair[]): MergeEdit => ({
    ...edit('fisher', 0, false),
    merge: {
      merger: 'fisher',
      convention: 'paper',
      options: {},
      modelOptions: posts.map(() => ({})),
      posts,
      data: 'fisher',
      tasks: null,
    },
  })
  const base = experiment([], [1])
  const posts = ['a', 'c', 'b'].map((name) => ({ ...pair(name), baseFolder: '/base' }))
  const given = {
    ...base,
    models: posts.slice(0, 1),
    merges: [fisher([posts[0]!, posts[1]!]), { ...fisher([posts[0]!, posts[2]!]), label: 'broken' }],
  }
  const { runs, meta } = planned(given, ['math'])
  const folder = fresh()
  await executePlan(given, runs, meta, { folder, jobs: 2, backend, worker: fakeWorker })
  const { rows } = await readResults(folder)
  assert.deepEqual(
    rows.map((row) => [row.merger, row.merged, row.status, row.error]),
    [
      ['fisher', 'post+post', 'ok', null],
      ['fisher', 'post+post', 'failed', 'what fisher needs of post could not be measured: no such tensor'],
    ],
  )
  const jobs = listJobs(given, [...runs, ...runs], new Map())
  assert.deepEqual(
    jobs.slice(0, 3).map(({ id }) => id),
    ['a', 'c', 'b'].map((name) => `fisher paper ${name} ${name}/base ${name}/post`),
  )
  assert.equal(jobs.length, 3 + 1 + 2 * runs.length)
})

test('a signal stops the sweep; the next start finishes it', async () => {
  process.env.FAKE_DELAY = '5'
  const given = experiment([edit('x', 0.1), edit('y', 0.2)], [1, 2, 3, 4])
  const { runs, meta } = planned(given)
  const folder = fresh()
  const interruption = new AbortController()
  const stopped = await executePlan(given, runs, meta, {
    folder,
    jobs: 2,
    backend,
    worker: fakeWorker,
    signal: interruption.signal,
    onRow: (_, { done }) => {
      if (done === 3) interruption.abort()
    },
  })
  assert.equal(stopped.finished, false)
  assert.ok(stopped.done >= 3 && stopped.done < 32)
  const found: string[] = []
  const finished = await executePlan(given, runs, meta, {
    folder,
    jobs: 2,
    backend,
    worker: fakeWorker,
    onRow: (row, progress) => {
      if (progress.found) found.push(row.id)
    },
  })
  assert.equal(finished.finished, true)
  assert.ok(found.length >= 3)
  assert.deepEqual(
    (await readResults(folder)).rows.map((row) => row.id),
    runs.map((run) => run.id),
  )
})

test('a folder of another plan is refused', async () => {
  const folder = fresh()
  const one = experiment([edit('x', 0.1)], [1])
  const first = planned(one)
  await executePlan(one, first.runs, first.meta, { folder, jobs: 1, backend, worker: fakeWorker })
  const two = experiment([edit('x', 0.1)], [1, 2])
  const second = planned(two)
  await assert.rejects(
    executePlan(two, second.runs, second.meta, { folder, jobs: 1, backend, worker: fakeWorker }),
    /holds rows of another config/,
  )
})
