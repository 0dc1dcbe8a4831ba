// Merges with routed gates: every item is measured under the merge of its own gates, and the router sees no item that is measured.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { divergenceOf } from '../../src/divergence/index.js'
import { encodeItems, promptFeatures } from '../../src/evaluate/index.js'
import { lossOf } from '../../src/loss/index.js'
import { mergerNamed, routeFeatures, trainRouter } from '../../src/mergers/index.js'
import { openInputs, plannedTasks, planRuns } from '../../src/plan/index.js'
import { type Row, readResults } from '../../src/record/index.js'
import { loadPair } from '../../src/run/loaded-pair.js'
import { applyMerge } from '../../src/run/merge.js'
import { measureData } from '../../src/run/merger-data.js'
import { applyRouted, fixGates } from '../../src/run/routed.js'
import { runSweep } from '../../src/sweep/index.js'
import { loadTask, sliceTask } from '../../src/tasks/index.js'
import { type BackendInfo, keyOf, normals, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { withoutSeconds } from '../plan/plans.js'
import { makePosts } from './posts.js'

const EXPERIMENT = `name: routed
models:
  - { name: own, base: base, post: post, tasks: [low.jsonl] }
  - { name: own, base: base, post: mirror, tasks: [high.jsonl] }
merges:
  - { label: routed, merger: twin, posts: &both [post, mirror], gates: routed, fraction: 1 }
  - { label: to post, merger: twin, posts: *both, gate: { post: 1 }, fraction: 1 }
  - { label: to mirror, merger: twin, posts: *both, gate: { mirror: 1 }, fraction: 1 }
  - { label: shared, merger: twin, posts: *both }
  - { label: alone, merger: twin, posts: [post], gates: routed, fraction: 0.5, tasks: [low.jsonl] }
  - { label: alone to post, merger: twin, posts: [post], gate: 1, fraction: 0.5, tasks: [low.jsonl] }
score: { items: 4 }
loss: { items: 6, rule: left, steps: 1 }
data: { items: 8 }
`
const ITEMS = 14
let folder: string
let found: BackendInfo

/** Prompts of three words from one part of the vocabulary; the answer is from anywhere. */
const writeTask = (name: string, from: number, spoilt: readonly number[] = []) => {
  const lines = Array.from({ length: ITEMS }, (_, i) => {
    const words = [0, 1, 2].map((k) => `w${from + ((5 * i + 7 * k) % 20)}`)
    return JSON.stringify({
      prompt: spoilt.includes(i) ? 'w150 w151' : words.join(' '),
      target: `w${10 * i + 3} w${9 * i + 4}`,
    })
  })
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
}
const load = (yaml = EXPERIMENT) => {
  writeFileSync(join(folder, 'own.yaml'), yaml)
  return loadExperiment(join(folder, 'own.yaml'))
}
const run = async (out: string, jobs = 1, yaml?: string): Promise<Row[]> => {
  await runSweep(await load(yaml), { folder: join(folder, out), jobs, backend: { asked: BACKEND, found } })
  return (await readResults(join(folder, out))).rows
}
const given = { seed: null, data: [], warn: assert.fail }
const near = (a: number | null, b: number | null, most = 1e-5) => assertClose(a!, b!, { tolerance: most })

before(async () => {
  folder = await makePosts()
  writeTask('low.jsonl', 3)
  writeTask('high.jsonl', 100)
  found = await setBackend(BACKEND)
})
after(() => rmSync(folder, { recursive: true }))

test('a sweep: tasks that differ are routed to their own fine-tune, whose weights a full-rank exclusive part gives back', async () => {
  const rows = await run('one')
  assert.deepEqual(
    rows.filter(({ error }) => error !== null).map(({ error }) => error),
    [],
  )
  const of = (task: string, label: string) => rows.find((row) => row.task === task && row.label === label)!
  for (const [task, own, other] of [
    ['low', 'to post', 'to mirror'],
    ['high', 'to mirror', 'to post'],
  ]) {
    const row = of(task!, 'routed')
    assert.equal(row.router_accuracy, 1)
    near(of(task!, own!).loss_edited, row.loss_post)
    near(row.loss_edited, row.loss_post, 0.05 * Math.abs(of(task!, other!).loss_edited! - row.loss_post!))
    assert.equal(row.score_edited, row.score_post)
    assert.deepEqual(
      [row.kept, row.edit_norm, row.riemann_rule, row.riemann_sum, row.bits_per_parameter],
      [null, null, null, null, null],
    )
    assert.deepEqual([row.n, row.loss_items], [4, 6])
    assert.equal(row.tensors, of(task!, own!).tensors)
    assert.equal(of(task!, own!).router_accuracy, null)
    assert.ok(of(task!, 'shared').riemann_sum !== null)
  }
  // With one model there is nothing to choose: its gate is 1.
  near(of('low', 'alone').loss_edited, of('low', 'alone to post').loss_edited, 1e-6)

  const tensors = tf.memory().numTensors
  await run('two', 2)
  const [one, two] = ['one', 'two'].map((out) => withoutSeconds(readFileSync(join(folder, out, 'runs.csv'), 'utf8')))
  assert.equal(two, one, 'two threads write the same bytes as one')
  assert.equal(tf.memory().numTensors, tensors)
})

test('the weights of an item are the merge with the gates of that item', async () => {
  const experiment = await load()
  const home = await loadPair(experiment.models[0]!)
  const edit = {
    ...experiment.merges[0]!,
    merge: { ...experiment.merges[0]!.merge!, options: { ...experiment.merges[0]!.merge!.options, fraction: 0.4 } },
  }
  const task = { ...(await loadTask(join(folder, 'low.jsonl'))) }
  task.items = task.items.slice(0, 3)
  // Samples that overlap: gates between 0 and 1, other ones for every item.
  const data = [1, 2].map((seed) => new Map([['prompts', normals(12 * home.model.width, keyOf(seed))]]))
  const held = tf.memory().numTensors
  const applied = await applyRouted(home, edit, { seed: null, data, warn: assert.fail })
  const router = await trainRouter(
    data.map((each) => each.get('prompts')!),
    home.model.width,
    0,
  )
  const gates = await routeFeatures(router, await promptFeatures(home.model, applied.weights, task, home.tokenizer))
  const loss = await applied.routed!.loss(task, 'task')
  const kl = await applied.routed!.loss(task, 'kl')
  assert.equal(loss.tokens, 3 * 3)
  for (const i of task.items.keys()) {
    const merged = await applyMerge(
      home,
      fixGates(mergerNamed('twin'), edit, [...gates.subarray(2 * i, 2 * i + 2)]),
      given,
    )
    const batches = await encodeItems(sliceTask(task, i, i + 1), home.tokenizer, home.model)
    const { mean } = await lossOf(home.model, merged.weights, batches)
    near(loss.itemSums[i]! / loss.itemTokens[i]!, mean)
    const pair = { post: home.post, edited: merged.weights }
    near(kl.itemSums[i]! / kl.itemTokens[i]!, (await divergenceOf(home.model, pair, batches)).kl.mean)
    merged.dispose()
  }
  const firsts = [0, 2, 4].map((i) => gates[i]!)
  assert.ok(Math.max(...firsts) - Math.min(...firsts) > 0.01, `the gates differ: ${firsts}`)
  applied.dispose()
  assert.equal(tf.memory().numTensors, held, 'no tensor is left')
  home.dispose()
})

test('a gate of 1 at full rank gives back the weights of its post', async () => {
  const experiment = await load()
  const home = await loadPair(experiment.models[0]!)
  const merged = await applyMerge(home, fixGates(mergerNamed('twin'), experiment.merges[0]!, [1, 0]), given)
  for (const [name, tensor] of Object.entries(home.post)) {
    const [right, values] = [await tensor.data(), await merged.weights[name]!.data()]
    values.forEach((value, i) => near(value, right[i]!, 1e-6))
  }
  merged.dispose()
  home.dispose()
})

test('the router learns from the last items of the tasks alone, and from their prompts alone', async () => {
  const experiment = await load()
  const request = { kind: 'prompts' as const, edit: experiment.merges[0]!, seed: null, items: 8 }
  const sample = async () => {
    const home = await loadPair(experiment.models[0]!)
    const data = await measureData(home, request)
    assert.equal(data.get('prompts')!.length, 8 * home.model.width)
    home.dispose()
    return data.get('prompts')!
  }
  const whole = await sample()
  writeTask('low.jsonl', 3, [0, 1, 2, 3, 4, 5]) // all that is measured
  assert.deepEqual(await sample(), whole)
  writeTask('low.jsonl', 3, [6]) // the first that is learned from
  assert.notDeepEqual(await sample(), whole)
  writeTask('low.jsonl', 3)
  await assert.rejects(
    run('wrong', 1, EXPERIMENT.replace('data: { items: 8 }', 'data: { items: 9 }')),
    /twin is given the last 9 of the 14 items of low, and the first 6 are measured on/,
  )
})

test('fixed gates are the default and leave ids alone; a gate beside a router is refused', async () => {
  const idOf = async (entry: string, more = '') => {
    const yaml = `${EXPERIMENT.slice(0, EXPERIMENT.indexOf('merges:'))}merges:\n  - { merger: twin, posts: [post, mirror], tasks: [low.jsonl]${entry} }\n${more}score: { items: 4 }\nloss: { items: 4 }\n`
    const experiment = await load(yaml)
    return planRuns(experiment, (await openInputs(experiment)).map(plannedTasks))[0]!.id
  }
  const few = 'data: { items: 4 }\n'
  assert.equal(await idOf(', gates: fixed', few), await idOf('', 'data: { items: 8 }\n'))
  const routed = await idOf(', gates: routed', few)
  assert.notEqual(routed, await idOf('', few))
  assert.notEqual(routed, await idOf(', gates: routed', 'data: { items: 8 }\n'))
  await assert.rejects(
    load(EXPERIMENT.replace('gates: routed', 'gates: routed, gate: 0.5')),
    /own\.yaml:6:\d+: merges\[0\]\.gate: twin: with gates: routed the router gives the gates: leave out either/,
  )
})
