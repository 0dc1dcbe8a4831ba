// Plugins through a whole sweep: an editor, a merger and a task of one's own, in threads and as objects; their hashes in ids and meta.json.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Experiment, loadExperiment } from '../../src/config/index.js'
import type { UserError } from '../../src/errors/index.js'
import { identifyTasks, planRuns } from '../../src/plan/index.js'
import { readResults } from '../../src/record/index.js'
import { makeRegistry, modulesOf } from '../../src/registry/index.js'
import { readSource } from '../../src/report/index.js'
import { runSweep } from '../../src/sweep/index.js'
import { type BackendInfo, setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { withoutSeconds } from '../plan/plans.js'
import { makePair } from '../run/pair.js'

const folder = makePair()
after(() => rmSync(folder, { recursive: true }))
const plugin = join(folder, 'plugins/mine.ts')

const PLUGIN = `
import { defineEditor, defineTask, tf, z } from 'deltalab/plugin'
import { times } from './times.js'

export default [
  defineEditor({
    name: 'shrink',
    options: z.strictObject({ factor: z.number().min(0).max(1).describe('What is left of every entry.') }),
    neutral: { factor: 1 },
    edit: (delta, { options }) => times(tf, delta, options.factor),
  }),
  defineTask({
    name: 'counting',
    data: [2, 3, 4, 5].map((n) => ({ n, next: n + 1 })),
    prompt: 'after {{ n }} comes',
    target: ' {{ next }}',
    metric: 'exact_match',
    max_new_tokens: 2,
  }),
]
`
const TIMES = `export const times = (tf: any, delta: any, factor: number) => tf.mul(delta, factor)\n`
const EXPERIMENT = `name: own
plugins: [plugins/mine.ts]
models:
  - { name: llama3, base: base, post: post, tasks: [counting] }
editors:
  - { editor: shrink, factor: [0.5, 1] }
  - { editor: expo, alpha: -0.5 }
score: false
loss: { items: 4, steps: 1 }
`
const file = join(folder, 'own.yaml')
let found: BackendInfo

before(async () => {
  found = await setBackend(BACKEND)
  mkdirSync(join(folder, 'plugins'))
  writeFileSync(plugin, PLUGIN)
  writeFileSync(join(folder, 'plugins/times.ts'), TIMES)
  writeFileSync(file, EXPERIMENT)
})

const run = async (out: string, jobs: number) =>
  runSweep(await loadExperiment(file), { folder: join(folder, out), jobs, backend: { asked: BACKEND, found } })

test('an editor and a task of a plugin run in worker threads, and rows do not depend on their number', async () => {
  const outcome = await run('one', 1)
  const { rows, meta } = await readResults(join(folder, 'one'))
  assert.deepEqual(outcome.failed, 0, rows.map(({ error }) => error).join())
  const loss = (label: string, factor?: number) =>
    rows.find((row) => row.label === label && (factor === undefined || row.options.factor === factor))!.loss_edited!
  assert.equal(loss('shrink', 0.5), loss('expo'), 'half of the delta, by either editor')
  assert.equal(rows.find((row) => row.options.factor === 1)!.loss_change, 0)
  assert.deepEqual(
    rows.map(({ task }) => task),
    ['counting', 'counting', 'counting'],
  )
  const [{ sha256, ...rest }] = meta.plugins as [NonNullable<typeof meta.plugins>[number]]
  assert.match(sha256, /^[0-9a-f]{64}$/)
  assert.deepEqual(rest, {
    name: 'mine.ts',
    editors: { shrink: { axis: 'factor' } },
    mergers: [],
    tasks: ['counting'],
  })
  const { axes } = await readSource(join(folder, 'one'))
  assert.deepEqual(axes, ['factor'], 'a plot learns the axis from meta.json')
  await run('two', 2)
  const text = (out: string) => withoutSeconds(readFileSync(join(folder, out, 'runs.csv'), 'utf8'))
  assert.equal(text('two'), text('one'))
})

test('what a module gave is the module: the same ids, hash and threads', async () => {
  const { plugins } = await makeRegistry([plugin])
  const loaded = plugins.flatMap(({ contributions }) => contributions.map(({ value }) => value))
  const idsOf = async (experiment: Experiment) => planRuns(experiment, identifyTasks(experiment)).map(({ id }) => id)
  const expected = await idsOf(await loadExperiment(file))
  writeFileSync(file, EXPERIMENT.replace('plugins: [plugins/mine.ts]\n', ''))
  const experiment = await loadExperiment(file, { plugins: loaded })
  assert.deepEqual(await idsOf(experiment), expected)
  assert.equal(modulesOf(experiment.registry)?.length, 1)
  assert.equal((await makeRegistry([plugin, ...loaded])).plugins.length, 1)
  writeFileSync(file, EXPERIMENT)
})

test('objects made in code run in this thread, with the same rows but for their ids; more threads are refused, and no row of theirs is reused', async () => {
  const { plugins } = await makeRegistry([plugin])
  const objects = plugins.flatMap(({ contributions }) => contributions.map(({ value }) => ({ ...value })))
  writeFileSync(file, EXPERIMENT.replace('plugins: [plugins/mine.ts]\n', ''))
  const experiment = await loadExperiment(file, { plugins: objects })
  const options = { folder: join(folder, 'objects'), backend: { asked: BACKEND, found } }
  await assert.rejects(
    runSweep(experiment, { ...options, jobs: 2 }),
    /a plugin that is given as an object cannot be handed to worker threads: give the path of its module, or jobs: 1/,
  )
  await runSweep(experiment, { ...options, jobs: 1 })
  const withoutIds = async (out: string) =>
    (await readResults(join(folder, out))).rows.map((row) => ({ ...row, id: '', seconds: 0 }))
  assert.deepEqual(await withoutIds('objects'), await withoutIds('one'))
  const again: string[] = []
  const notes: string[] = []
  await runSweep(experiment, {
    ...options,
    jobs: 1,
    onRow: (row, { found }) => void (found || again.push(row.label)),
    onNote: (text) => void notes.push(text),
  })
  assert.deepEqual(again, ['shrink', 'shrink', 'expo'], 'the task is an object, too')
  assert.match(
    notes[1]!,
    /objects: 2 rows cannot be reused: editor shrink is an object made in code, which may have changed; task counting is an object/,
  )
  assert.deepEqual(await withoutIds('objects'), await withoutIds('one'))
  writeFileSync(file, EXPERIMENT)
})

test('ids hold the hash of the plugins that a run uses, with their imports, and of no others', async () => {
  const idsOf = async () => {
    const experiment = await loadExperiment(file)
    return planRuns(experiment, identifyTasks(experiment)).map(({ id }) => id)
  }
  writeFileSync(file, EXPERIMENT.replace('[counting]', '[items.jsonl]'))
  const first = await idsOf()
  writeFileSync(join(folder, 'plugins/times.ts'), `${TIMES}// changed\n`)
  const second = await idsOf()
  assert.deepEqual(
    first.map((id, i) => id === second[i]),
    [false, false, true],
    'the two runs of shrink have other ids, expo has its own',
  )
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace('plugins: [plugins/mine.ts]\n', '')
      .replace(/.*shrink.*\n/, ''),
  )
  assert.deepEqual(await idsOf(), first.slice(2), 'as without plugins')
  writeFileSync(file, EXPERIMENT)
  const notes: string[] = []
  await runSweep(await loadExperiment(file), {
    folder: join(folder, 'one'),
    backend: { asked: BACKEND, found },
    jobs: 1,
    onNote: (text) => void notes.push(text),
  })
  assert.match(notes[1]!, /one: 3 rows cannot be reused: the plugin mine\.ts has other code$/)
})

test('an unknown editor names those of plugins; a broken plugin is one line before any work', async () => {
  writeFileSync(file, EXPERIMENT.replace('editor: shrink', 'editor: shrunk'))
  await assert.rejects(
    loadExperiment(file),
    /own\.yaml:6:\d+: editors\[0\]\.editor: unknown editor "shrunk"; did you mean "shrink"\?/,
  )
  writeFileSync(file, EXPERIMENT.replace('mine.ts', 'none.ts'))
  await assert.rejects(loadExperiment(file), (error: UserError) => {
    assert.match(error.message, /plugins\/none\.ts: no such file/)
    return error.name === 'UserError'
  })
  writeFileSync(file, EXPERIMENT.replace('factor: [0.5, 1]', 'factor: 2'))
  await assert.rejects(loadExperiment(file), /factor of shrink must be a number from 0 to 1; got 2/)
})
