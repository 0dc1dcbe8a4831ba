// Further scores of a task in the row of a run: those of the base, the post-trained and the edited model, as measured by themselves.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { evaluateTask } from '../../src/evaluate/index.js'
import { openInputs, plannedTasks, planRuns } from '../../src/plan/index.js'
import { loadPair, uploadBase } from '../../src/run/loaded-pair.js'
import { measureReference } from '../../src/run/reference.js'
import { executeRun } from '../../src/run/run.js'
import { SELF_CORRECTION_SCORES } from '../../src/tasks/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { makePair } from './pair.js'

const folder = makePair()
before(() => setBackend(BACKEND))
after(() => rmSync(folder, { recursive: true }))

test('the scores of self-correction are in the row, and a task with one score leaves the cells empty', async () => {
  const card = {
    name: 'judged',
    version: 1,
    description: 'six items',
    metric: 'exact_match',
    max_new_tokens: 6,
    data: 'items.jsonl',
    self_correction: { confirmed: ' w1', rejected: ' w2' },
  }
  writeFileSync(join(folder, 'judged.yaml'), JSON.stringify(card))
  const file = join(folder, 'x.yaml')
  writeFileSync(
    file,
    'name: own\nmodels: [{ name: m, base: base, post: post, tasks: [judged.yaml, items.jsonl] }]\neditors: [{ editor: expo, alpha: -0.5 }]\nscore: { items: 5 }\nloss: false\n',
  )
  const experiment = await loadExperiment(file)
  const inputs = await openInputs(experiment)
  const runs = planRuns(experiment, inputs.map(plannedTasks))
  const home = await loadPair(runs[0]!.pair, experiment.registry)
  const rows = []
  for (const run of runs) {
    const reference = await measureReference(home, run.task, experiment, { needsGradient: false, runs: 1 })
    const facts = { reference, experiment: 'own', backend: BACKEND, clock: () => 0 }
    rows.push((await executeRun(home, run, experiment, facts)).row)
  }
  const [judged, plain] = rows
  assert.deepEqual([plain!.others_pre, plain!.others_post, plain!.others_edited], [null, null, null])
  const { task } = await home.open(runs[0]!.task, undefined)
  const five = { ...task, items: task.items.slice(0, 5) } as typeof task
  const base = uploadBase(home)
  const of = async (weights: typeof base) =>
    (await evaluateTask({ model: home.model, weights, reader: home.tokenizer }, five)).others
  assert.deepEqual(judged!.others_pre, await of(base))
  assert.deepEqual(judged!.others_post, await of(home.post))
  assert.deepEqual(Object.keys(judged!.others_edited!), Object.keys(SELF_CORRECTION_SCORES))
  tf.dispose(base)
  home.dispose()
})
