// Validation items lie behind those that are measured and before those that mergers learn from, and give a score of their own.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { packageRoot } from '../../src/files/index.js'
import { estimateCost, openInputs, plannedTasks, planRuns } from '../../src/plan/index.js'
import { readResults } from '../../src/record/index.js'
import { runSweep } from '../../src/sweep/index.js'
import { type BackendInfo, setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

const checkpoints = join(packageRoot, 'checkpoints')
const SCORE = 'score: { items: 3, validation: 2 }'
const YAML = `name: chosen
models: [{ name: small, base: ${checkpoints}/small/base, post: ${checkpoints}/small/math, tasks: [sums.jsonl] }]
merges: [{ merger: task_arithmetic, posts: [math], lambda: [0, 1] }]
${SCORE}
loss: { items: 4, riemann: false }
`
const folder = mkdtempSync(join(tmpdir(), 'validation-'))
let found: BackendInfo
before(async () => {
  found = await setBackend(BACKEND)
  // The fine-tune answers all; a reference that is never the answer makes an item wrong.
  const wrong = [2, 5, 6, 7]
  const items = readFileSync(join(checkpoints, 'tasks', 'math.jsonl'), 'utf8')
    .split('\n')
    .slice(0, 8)
    .map((line) => JSON.parse(line) as { target: string })
  writeFileSync(
    join(folder, 'sums.jsonl'),
    items.map((item, i) => `${JSON.stringify(wrong.includes(i) ? { ...item, target: 'none' } : item)}\n`).join(''),
  )
})
after(() => rmSync(folder, { recursive: true }))
const load = (yaml = YAML) => {
  writeFileSync(join(folder, 'x.yaml'), yaml)
  return loadExperiment(join(folder, 'x.yaml'))
}

test('the two items behind the four measured ones are scored apart, of the edited model alone', async () => {
  const experiment = await load()
  const outcome = await runSweep(experiment, {
    folder: join(folder, 'out'),
    jobs: 1,
    backend: { asked: BACKEND, found },
  })
  const { rows } = await readResults(join(folder, 'out'))
  assert.equal(outcome.failed, 0, rows.map(({ error }) => error).join())
  // Of items 1 to 3 the third is wrong; of 5 and 6 the sixth.
  assert.deepEqual(
    rows.map(({ options, score_edited, score_validation, n, loss_items }) => [
      options.lambda,
      score_edited,
      score_validation,
      n,
      loss_items,
    ]),
    [
      [0, 0, 0, 3, 4],
      [1, 2 / 3, 1 / 2, 3, 4],
    ],
  )
  const inputs = await openInputs(experiment)
  const tokens = async (more: typeof experiment) =>
    (await estimateCost(more, inputs, planRuns(more, inputs.map(plannedTasks)))).tokens
  assert.ok((await tokens(experiment)) > (await tokens({ ...experiment, score: { items: 3 } })))
})

test('the cost counts passes: 2 operations per parameter and token forward, 6 with a gradient', async () => {
  const costOf = async (loss: string) => {
    const experiment = await load(YAML.replace(SCORE, 'score: false').replace('items: 4, riemann: false', loss))
    const inputs = await openInputs(experiment)
    const { tokens, flops } = await estimateCost(experiment, inputs, planRuns(experiment, inputs.map(plannedTasks)))
    return [tokens, flops / inputs[0]!.parameters]
  }
  // Base, post and two runs.
  const [passes = 0, operations] = await costOf('items: 4, riemann: false')
  const pass = passes / 4
  assert.equal(operations, 2 * passes)
  // The gradient at post is shared: each run takes four of five.
  assert.deepEqual(await costOf('items: 4'), [13 * pass, (2 * 4 + 6 * 9) * pass])
  // Each run takes a gradient and a Hessian-vector product, which counts as two more.
  assert.deepEqual(await costOf('items: 4, taylor2: true'), [19 * pass, (2 * 4 + 6 * 15) * pass])
})

test('without validation the column is empty and the ids are those of before; with it they are others', async () => {
  const idsOf = async (yaml?: string) => {
    const experiment = await load(yaml)
    return planRuns(experiment, (await openInputs(experiment)).map(plannedTasks)).map(({ id }) => id)
  }
  const [with2, with1, none] = [
    await idsOf(),
    await idsOf(YAML.replace('validation: 2', 'validation: 1')),
    await idsOf(YAML.replace(', validation: 2', '')),
  ]
  assert.equal(new Set([with2[0], with1[0], none[0]]).size, 3)
})

test('items that are not there, or that a merger learns from, are refused before any work', async () => {
  const refused = async (yaml: string, message: RegExp) => assert.rejects(openInputs(await load(yaml)), message)
  await refused(
    YAML.replace('validation: 2', 'validation: 5'),
    /validation needs 5 items after the first 4, which are measured on; sums has 8: lower `validation` or `items`/,
  )
  const fisher = YAML.replace('task_arithmetic, posts: [math], lambda: [0, 1]', 'fisher, posts: [math]')
  await refused(`${fisher}data: { items: 3 }\n`, /sums has 8, of which fisher is given the last 3/)
  await openInputs(await load(`${fisher}data: { items: 2 }\n`))
})

test('a figure that chooses by validation needs a score to choose by', async () => {
  const view = 'report: { select: lambda }\n'
  await load(`${YAML}${view}`)
  await assert.rejects(
    load(`${YAML.replace(', validation: 2', '')}${view}`),
    /x\.yaml:6:\d+: report\.select: .*`validation` in `score`/,
  )
  await assert.rejects(load(`${YAML}report: { select: lamda }\n`), /did you mean "lambda"/)
})
