// Rows do not depend on the number of threads; a run that fails, or takes its thread with it, is a row of its own.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Experiment, MergeEdit, ModelPair } from '../../src/config/index.js'
import { fileState } from '../../src/files/index.js'
import { type Meta, type Row, readResults } from '../../src/record/index.js'
import { executePlan, type SweepSettings } from '../../src/sweep/execute.js'
import { listJobs } from '../../src/sweep/jobs.js'
import { temporary } from '../checkpoint/files.js'
import { backend, edit, experiment, fakeWorker, pair, planned, withoutSeconds } from '../plan/plans.js'

const fresh = () => join(temporary(), 'results')
const read = (folder: string, file = 'runs.csv') => readFileSync(join(folder, file), 'utf8')

test('one thread and four give the same bytes, seconds aside, in the order of the plan', async () => {
  process.env.FAKE_DELAY = '4'
  const given = experiment([edit('x', 0.5), edit('y', 0.9, false)], [1, 2, 3])
  const { runs, from } = planned(given)
  const folders = await Promise.all(
    [1, 4].map(async (jobs) => {
      const folder = fresh()
      const outcome = await executePlan(given, runs, from, { folder, jobs, backend, worker: fakeWorker })
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
  const { runs, from } = planned(given)
  const folder = fresh()
  const outcome = await executePlan(given, runs, from, { folder, jobs: 2, backend, worker: fakeWorker })
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

  const kept = await executePlan(given, runs, from, {
    folder,
    jobs: 2,
    backend,
    worker: new URL('file:///no/such/worker.js'),
  })
  assert.deepEqual(kept, outcome, 'nothing runs again')
  let again = 0
  await executePlan(given, runs, from, {
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
  const { runs, from } = planned(given, ['math', 'broken'])
  const folder = fresh()
  await executePlan(given, runs, from, { folder, jobs: 3, backend, worker: fakeWorker })
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
  const { runs, from } = planned(given, ['math'])
  const folder = fresh()
  await executePlan(given, runs, from, { folder, jobs: 2, backend, worker: fakeWorker })
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
  assert.equal(
    jobs.reduce((sum, { share }) => sum + share, 0),
    2 * runs.length,
    'progress counts runs, and nothing that they share',
  )
})

test('a signal stops the sweep; the next start finishes it', async () => {
  process.env.FAKE_DELAY = '5'
  const given = experiment([edit('x', 0.1), edit('y', 0.2)], [1, 2, 3, 4])
  const { runs, from } = planned(given)
  const folder = fresh()
  const interruption = new AbortController()
  const stopped = await executePlan(given, runs, from, {
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
  const finished = await executePlan(given, runs, from, {
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

const drops = fc.uniqueArray(fc.constantFrom(0.1, 0.5, 0.9), { minLength: 1 })
const configs = fc.record({
  drops,
  labels: fc.subarray(['x', 'y'], { minLength: 1 }),
  seeds: fc.uniqueArray(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 2 }),
  tasks: fc.subarray(['math', 'code'], { minLength: 1 }),
  models: fc.subarray(['a', 'b'], { minLength: 1 }),
})

test('a config that grew, shrank or changed in any way gives the files of a new folder, and runs only what is new', async () => {
  process.env.FAKE_DELAY = '0'
  const start = async (
    folder: string,
    { drops, labels, seeds, tasks, models }: typeof configs extends fc.Arbitrary<infer C> ? C : never,
  ) => {
    const edits = labels.flatMap((label) => drops.map((drop) => edit(label, drop, label === 'x')))
    const given = { ...experiment(edits, seeds), models: models.map(pair), text: JSON.stringify({ drops, seeds }) }
    const { runs, from } = planned(given, tasks)
    const made: string[] = []
    const onRow = (row: Row, { found }: { found: boolean }) => void (found || made.push(row.id))
    await executePlan(given, runs, from, { folder, jobs: 1, backend, worker: fakeWorker, onRow })
    return { made, runs }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(configs, { minLength: 1, maxLength: 2 }), configs, async (earlier, last) => {
      const [grown, alone] = [fresh(), fresh()]
      const known = new Set<string>()
      for (const config of [...earlier, last]) {
        const { made, runs } = await start(grown, config)
        assert.deepEqual(made.sort(), runs.flatMap(({ id }) => (known.has(id) ? [] : [id])).sort())
        for (const id of made) known.add(id)
      }
      await start(alone, last)
      assert.equal(withoutSeconds(read(grown)), withoutSeconds(read(alone)))
      for (const file of ['terms.csv', 'config.yaml']) assert.equal(read(grown, file), read(alone, file))
      const undated = (folder: string) => ({ ...JSON.parse(read(folder, 'meta.json')), started: 0, finished: 0 })
      assert.deepEqual(undated(grown), undated(alone))
    }),
    { numRuns: 2 },
  )
})

test('what cannot be reused is named with the key that changed, and what is not asked for with its number', async () => {
  process.env.FAKE_DELAY = '0'
  const folder = fresh()
  const text = (more: string, base = 'a/base') =>
    `name: fake\nmodels: [{ name: a, base: ${base}, post: a/post, tasks: [math] }]\neditors: [{ editor: dare, drop_rate: 0.5 }]\n${more}`
  const start = async (change: Partial<Experiment>, from: Partial<Meta> = {}, options: Partial<SweepSettings> = {}) => {
    const given = { ...experiment([edit('x', 0.5), edit('y', 0.9, false)], [1, 2]), models: [pair('a')], ...change }
    const { runs, from: provenance } = planned(given, ['math'])
    const notes: string[] = []
    const onNote = (note: string) => void notes.push(note.replaceAll(folder, 'F'))
    const meta = { ...provenance.meta, ...from }
    await executePlan(
      given,
      runs,
      { ...provenance, meta },
      { folder, jobs: 1, backend, worker: fakeWorker, onNote, ...options },
    )
    return notes
  }
  const score = text('score: { items: 4 }\n')
  const kept = 'rows that are not used are kept in F/unused; --prune deletes them'
  assert.deepEqual(await start({ text: score }), [], 'a new folder')
  assert.deepEqual(await start({ text: score }), [], 'the same config')
  assert.deepEqual(await start({ text: score, seeds: [1, 2, 3] }), [
    'F: 3 of 4 runs have their row from an earlier start, 1 to do',
  ])
  assert.deepEqual(await start({ text: score, seeds: [2] }), [
    'F: 2 of 2 runs have their row from an earlier start, 0 to do',
    'F: 2 rows are not asked for any more',
    kept,
  ])
  const loss = { kind: 'task', items: 4, rule: 'left', steps: 8, riemann: true, taylor2: false, terms: true } as const
  assert.deepEqual(
    await start({ text: text('score: { items: 8 }\nloss: { steps: 8 }\n'), seeds: [2], score: { items: 8 }, loss }),
    [
      'F: 0 of 2 runs have their row from an earlier start, 2 to do',
      'F: 2 rows cannot be reused: score.items was 4, is 8; loss.steps was 5, is 8',
      kept,
    ],
  )
  assert.deepEqual(await start({ text: score, seeds: [2] }), [
    'F: 2 of 2 runs have their row from an earlier start, 0 to do',
    'F: 2 rows are not asked for any more',
    kept,
  ])
  const inputs = { 'a/post/model.safetensors': 'bb' }
  assert.deepEqual(await start({ text: score, seeds: [2] }, { inputs }), [
    'F: 0 of 2 runs have their row from an earlier start, 2 to do',
    'F: 2 rows cannot be reused: a/post/model.safetensors has other content',
    kept,
  ])
  const moved = { text: text('score: { items: 4 }\n', 'c/base'), models: [{ ...pair('a'), base: 'c/base' }] }
  assert.deepEqual(
    (await start({ ...moved, seeds: [2] }, { inputs }))[1],
    'F: 2 rows cannot be reused: models.a.base was "a/base", is "c/base"',
  )
  const renamed = [edit('x', 0.5), edit('z', 0.9, false)]
  assert.deepEqual(await start({ ...moved, edits: renamed, seeds: [2] }, { inputs }, { prune: true }), [
    'F: 1 of 2 runs has its row from an earlier start, 1 to do',
    'F: 1 row cannot be reused: label was y, is z',
    kept,
    'F: 9 rows that no config asks for deleted',
  ])
  assert.ok(!existsSync(join(folder, 'unused')))
})

test('a file that changes while a sweep reads it ends the sweep in one line, and no row is made of it', async () => {
  process.env.FAKE_DELAY = '1'
  const given = experiment([edit('x', 0.5), edit('y', 0.9)], [1])
  const { runs, from } = planned(given)
  const folder = fresh()
  const weights = join(temporary(), 'model.safetensors')
  writeFileSync(weights, 'as it was hashed')
  const states = { [weights]: await fileState(weights) }
  const contents = { one: { base: '', post: '', tasks: {}, states } }
  let rows = 0
  const onRow = () => {
    if (++rows === 2) writeFileSync(weights, 'of a later training')
  }
  await assert.rejects(
    executePlan(given, runs, { ...from, contents }, { folder, jobs: 1, backend, worker: fakeWorker, onRow }),
    { name: 'UserError', message: `${weights}: changed while it was read; start again` },
  )
  assert.equal(read(folder).trim().split('\n').length, 1 + 2)
})

test('the folder of a model does not become a results folder', async () => {
  const given = experiment([edit('x', 0.5)], [1])
  const { runs, from } = planned(given)
  const folder = fresh()
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.json'), '{}')
  await assert.rejects(
    executePlan(given, runs, from, { folder, jobs: 1, backend, worker: fakeWorker }),
    /is the folder of a model \(it holds config\.json\): give another --out/,
  )
})
