// A user's own pair of folders and task file through a whole sweep, with the real threads and models.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { type LossSettings, loadExperiment } from '../../src/config/index.js'
import { RULES, ruleNodes } from '../../src/loss/index.js'
import { estimateCost, openInputs, plannedTasks, planRuns } from '../../src/plan/index.js'
import { type Results, readResults } from '../../src/record/index.js'
import { attributeEdit, measureModel } from '../../src/run/index.js'
import { countMissing, runSweep } from '../../src/sweep/index.js'
import { type BackendInfo, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { withoutSeconds } from '../plan/plans.js'
import { items, makePair } from '../run/pair.js'

const folder = makePair()
const EXPERIMENT = `name: own
models:
  - { name: llama3, base: base, post: post, tasks: [items.jsonl] }
editors:
  - { editor: dare, drop_rate: [0, 0.1] }
  - { editor: expo, alpha: -1, label: back }
  - { editor: biased, by: product, k: 0.99, drop_rate: 0.5 }
  - { editor: dare, drop_rate: 0.01, label: weights, on: weights, tensors: { include: ['*.mlp.*'], exclude: ['*.1.*'] } }
  - { chain: [{ editor: magnitude, drop_rate: 0.25 }, { editor: lowrank, rank: 2 }], label: chain }
seeds: [3, 4]
tensors: { include: [linear] }
score: { items: 6 }
loss: { items: 6, rule: gauss, steps: 3, taylor2: true }
`
let found: BackendInfo
let results: Results

async function run(out: string, jobs: number, yaml = EXPERIMENT) {
  writeFileSync(join(folder, 'own.yaml'), yaml)
  const experiment = await loadExperiment(join(folder, 'own.yaml'))
  return runSweep(experiment, { folder: join(folder, out), jobs, backend: { asked: BACKEND, found } })
}

before(async () => {
  found = await setBackend(BACKEND)
  const outcome = await run('one', 1)
  results = await readResults(join(folder, 'one'))
  assert.deepEqual(
    outcome,
    { planned: 8, done: 8, failed: 0, warnings: [], finished: true },
    results.rows.map((row) => row.error).join(),
  )
})

test('a task with fewer items than are asked for is said to have them, and all are used', async () => {
  const yaml = EXPERIMENT.replace('score: { items: 6 }', 'score: { items: 7 }')
  writeFileSync(join(folder, 'own.yaml'), yaml)
  const notes: string[] = []
  const options = { backend: { asked: BACKEND, found }, onNote: (text: string) => void notes.push(text) }
  await countMissing(await loadExperiment(join(folder, 'own.yaml')), 1, { folder: join(folder, 'short'), ...options })
  assert.equal(notes[0], 'items has 6 items, and all are used: score asks for 7')
})

const rowOf = (label: string, seed: number | null = null) =>
  results.rows.find((row) => row.label === label && row.seed === seed)!

test('every measured column of a finished run is filled in', () => {
  for (const row of results.rows) {
    const empty = Object.entries(row)
      .filter(([, value]) => value === null)
      .map(([name]) => name)
    assert.deepEqual(
      empty.filter(
        (name) =>
          ![
            'merger',
            'merged',
            'drop_rate',
            'rank',
            'bits',
            'alpha',
            'k',
            'seed',
            'error',
            'warnings',
            'score_validation',
            'loss_kind',
            // Of tasks with more scores than one.
            'others_pre',
            'others_post',
            'others_edited',
            'router_accuracy',
          ].includes(name),
      ),
      [],
    )
    assert.equal(row.loss_items, items.length)
    assert.equal(
      row.loss_tokens,
      items.reduce((sum, item) => sum + item.target!.split(' ').length + 1, 0),
      'answer and end-of-text',
    )
    assertClose(row.loss_change!, row.loss_edited! - row.loss_post!, { tolerance: 1e-12 })
  }
})

test('an edit that changes nothing changes the loss by exactly nothing', () => {
  const row = rowOf('dare')
  assert.equal(row.drop_rate, 0)
  assert.deepEqual(
    [row.edit_norm, row.loss_change, row.riemann_sum, row.taylor2, row.class, row.kept! > 0],
    [0, 0, 0, 0, 'competitive', true],
  )
  assert.equal(row.score_edited, row.score_post)
})

test('taking the whole delta back gives the base model, loss and all, where every tensor is edited', async () => {
  const { row } = await attributeEdit(
    join(folder, 'base'),
    join(folder, 'post'),
    {
      editor: 'expo',
      label: 'expo',
      on: 'delta',
      tensors: { include: ['*'], exclude: [] },
      steps: [{ editor: 'expo', options: { alpha: -1 } }],
      stochastic: false,
      needsGradient: false,
      entryBits: null,
    },
    { task: join(folder, 'items.jsonl'), items: 6, rule: 'gauss', steps: 3, seed: 0, clock: () => 0 },
  )
  assertClose(row.loss_edited!, row.loss_pre!, { tolerance: 1e-6 })
  assert.deepEqual([row.kept, row.edit_norm], [0, row.delta_norm])
})

test('the sum along the path is the exact loss change, and the terms add up to it', () => {
  for (const row of results.rows) {
    const terms = results.terms.filter((term) => term.run === row.id)
    const total = terms.reduce((sum, { term }) => sum + term, 0)
    assertClose(total, row.riemann_sum!, { tolerance: 1e-9 * Math.max(1, Math.abs(total)) })
    assertClose(Math.hypot(...terms.map((term) => term.edit_norm)), row.edit_norm!, { tolerance: 1e-9 })
    if (row.on === 'delta')
      assertClose(
        row.riemann_sum!,
        row.loss_change!,
        { tolerance: 2e-3 * Math.max(0.01, Math.abs(row.loss_change!)) + 2e-6 },
        `${row.label}: ${row.riemann_sum} for ${row.loss_change}`,
      )
  }
})

test('counts and norms are those of the tensors selected', () => {
  const [all, some] = [rowOf('back'), rowOf('weights', 3)]
  assert.deepEqual([all.selection, all.tensors, all.kept], ['linear', 21, 0])
  assert.deepEqual([some.selection, some.tensors, some.on], ['*.mlp.* !*.1.*', 6, 'weights'])
  assertClose(all.edit_norm!, all.delta_norm!, { tolerance: 1e-6 })
  assert.ok(some.kept! > 0.98 * some.parameters! && some.kept! < some.parameters!)
  const { steps } = rowOf('chain').options as { steps: { editor: string; drop_rate?: number; rank?: number }[] }
  assert.deepEqual(
    steps.map(({ editor, drop_rate, rank }) => [editor, drop_rate, rank]),
    [
      ['magnitude', 0.25, undefined],
      ['lowrank', undefined, 2],
    ],
  )
})

test('an editor that reads the whole model first has one threshold for all tensors', async () => {
  const magnitude = (granularity: string) => ({
    editor: 'magnitude',
    label: granularity,
    on: 'delta' as const,
    tensors: { include: ['linear'], exclude: [] },
    steps: [{ editor: 'magnitude', options: { drop_rate: 0.5, rescale: false, convention: 'paper', granularity } }],
    stochastic: false,
    needsGradient: false,
    entryBits: null,
  })
  const settings = {
    task: join(folder, 'items.jsonl'),
    items: 6,
    rule: 'left' as const,
    steps: 1,
    seed: 0,
    clock: () => 0,
  }
  const [model, tensor] = await Promise.all(
    ['model', 'tensor'].map((granularity) =>
      attributeEdit(join(folder, 'base'), join(folder, 'post'), magnitude(granularity), settings),
    ),
  )
  assert.equal(model!.row.kept, tensor!.row.kept, 'half of all entries, either way')
  assert.ok(
    model!.row.edit_norm! < tensor!.row.edit_norm!,
    'the smallest of all entries are smaller than the smallest of each tensor',
  )
})

test('seeds draw different masks; a gradient editor raises the loss it was built to raise', () => {
  const [three, four] = results.rows.filter((row) => row.label === 'dare' && row.seed !== null)
  assert.notEqual(three!.loss_edited, four!.loss_edited)
  assert.equal(three!.delta_norm, four!.delta_norm)
  assert.ok(rowOf('biased').taylor1! > 0)
})

test('two threads write the same bytes as one; a finished folder is left as it is', async () => {
  await run('two', 2)
  assert.equal(
    withoutSeconds(readFileSync(join(folder, 'two', 'runs.csv'), 'utf8')),
    withoutSeconds(readFileSync(join(folder, 'one', 'runs.csv'), 'utf8')),
  )
  assert.equal(
    readFileSync(join(folder, 'two', 'terms.csv'), 'utf8'),
    readFileSync(join(folder, 'one', 'terms.csv'), 'utf8'),
  )
  const before = ['runs.csv', 'meta.json'].map((file) => readFileSync(join(folder, 'one', file), 'utf8'))
  await run('one', 4)
  assert.deepEqual(
    ['runs.csv', 'meta.json'].map((file) => readFileSync(join(folder, 'one', file), 'utf8')),
    before,
  )
})

test('other weights under the same path: their rows are made again, and come back with the weights', async () => {
  const read = (file: string) => readFileSync(join(folder, 'one', file), 'utf8')
  const before = ['runs.csv', 'terms.csv'].map(read)
  cpSync(join(folder, 'post', 'model.safetensors'), join(folder, 'saved'))
  const bytes = readFileSync(join(folder, 'post', 'model.safetensors'))
  bytes[bytes.length - 4]! ^= 1
  writeFileSync(join(folder, 'post', 'model.safetensors'), bytes)
  await run('one', 2)
  assert.notEqual(withoutSeconds(read('runs.csv')), withoutSeconds(before[0]!))
  await run('fresh', 2)
  assert.equal(
    withoutSeconds(read('runs.csv')),
    withoutSeconds(readFileSync(join(folder, 'fresh', 'runs.csv'), 'utf8')),
  )
  cpSync(join(folder, 'saved'), join(folder, 'post', 'model.safetensors'))
  await run('one', 1)
  assert.deepEqual(['runs.csv', 'terms.csv'].map(read), before)
})

test('wrong inputs are refused before a results folder is made', async (context) => {
  process.env.HF_HUB_OFFLINE = '1'
  context.after(() => delete process.env.HF_HUB_OFFLINE)
  const cases: [string, string, RegExp][] = [
    ['items.jsonl]', 'none.jsonl]', /none\.jsonl: no such file/],
    ['base: base', 'base: bse', /bse: no such checkpoint folder/],
    ['items.jsonl]', 'maths]', /unknown task "maths"/],
    ['*.1.*', '*.7.*', /pattern "\*\.7\.\*" matches no tensor/],
  ]
  for (const [from, to, message] of cases) await assert.rejects(run('wrong', 1, EXPERIMENT.replace(from, to)), message)
  assert.throws(() => readFileSync(join(folder, 'wrong', 'meta.json')))
})

test('eval measures what the sweep records for the post-trained model; nothing leaks', async () => {
  const before = tf.memory().numTensors
  const measured = await measureModel(join(folder, 'post'), join(folder, 'items.jsonl'))
  assert.equal(measured.loss, results.rows[0]!.loss_post)
  assert.equal(measured.score, results.rows[0]!.score_post)
  assert.equal(tf.memory().numTensors, before)
})

test('an edit beyond float32 is a failed row, and the sweep goes on', async () => {
  const yaml = `name: own
models: [{ name: llama3, base: base, post: post, tasks: [items.jsonl] }]
editors: [{ editor: expo, alpha: [1.0e+30, 0.1] }]
`
  assert.deepEqual(await run('overflow', 1, yaml), { planned: 2, done: 2, failed: 1, warnings: [], finished: true })
  const { rows } = await readResults(join(folder, 'overflow'))
  assert.deepEqual(
    rows.map((row) => row.status),
    ['failed', 'ok'],
  )
  assert.match(rows[0]!.error!, /is NaN( or infinite)?: the edit is too strong for float32$/)
})

test('the plan counts tokens of every pass', async () => {
  writeFileSync(join(folder, 'own.yaml'), EXPERIMENT)
  const experiment = await loadExperiment(join(folder, 'own.yaml'))
  const inputs = await openInputs(experiment)
  const runs = planRuns(experiment, inputs.map(plannedTasks))
  const short = await estimateCost({ ...experiment, loss: false }, inputs, runs)
  const long = await estimateCost({ ...experiment, loss: false }, inputs, [...runs, ...runs])
  // The two reference models and 8 runs, each one pass over the same tokens; and the gradient that one of the editors needs.
  const pass = short.tokens / (8 + 2 + 1)
  assert.equal(long.tokens, (16 + 2 + 1) * pass)
  assert.equal(short.flops, 77904 * (2 * (8 + 2) + 6) * pass)
})

test('the estimate counts the gradients that each rule takes; the first node of a path is shared by the runs', async () => {
  writeFileSync(join(folder, 'own.yaml'), EXPERIMENT)
  const experiment = await loadExperiment(join(folder, 'own.yaml'))
  const inputs = await openInputs(experiment)
  const runs = planRuns(experiment, inputs.map(plannedTasks)).filter(({ edit }) => !edit.needsGradient)
  const tokensOf = async (loss: Partial<LossSettings>, some = runs) => {
    const settings = { ...(experiment.loss as LossSettings), taylor2: false, ...loss }
    return (await estimateCost({ ...experiment, score: false, loss: settings }, inputs, some)).tokens
  }
  const forward = await tokensOf({ riemann: false })
  const pass = forward / (runs.length + 2)
  for (const rule of RULES) {
    for (const steps of [1, 2, 5]) {
      const nodes = ruleNodes(rule, steps)
      const gradients = runs.length * nodes.length - (nodes[0]!.t === 0 ? runs.length - 1 : 0)
      assert.equal((await tokensOf({ rule, steps })) - forward, gradients * pass, `${rule} ${steps}`)
      assert.equal((await tokensOf({ rule, steps }, runs.slice(0, 1))) - 3 * pass, nodes.length * pass, 'one run')
    }
  }
  assert.equal((await tokensOf({ rule: 'gauss', steps: 2, taylor2: true })) - forward, runs.length * 5 * pass)
  // The estimates of a divergence pass post once each; at t = 0 there is nothing to compute.
  const diverging = async (loss: Partial<LossSettings>) => (await tokensOf({ kind: 'kl', ...loss })) - forward
  assert.equal(await diverging({ riemann: false }), 0)
  assert.equal(await diverging({ rule: 'gauss', steps: 2 }), runs.length * (1 + 2) * pass)
  assert.equal(await diverging({ rule: 'left', steps: 2, taylor2: true }), runs.length * (1 + 1 + 1 + 3) * pass)
  rmSync(folder, { recursive: true })
})
