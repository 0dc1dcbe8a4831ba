// Merges as runs of a sweep, on fine-tunes whose merges are known: mirror images cancel, one model is itself.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { encodeItems } from '../../src/evaluate/index.js'
import { lossOf } from '../../src/loss/index.js'
import { openInputs, plannedTasks, planRuns } from '../../src/plan/index.js'
import { type Results, type Row, readResults } from '../../src/record/index.js'
import { loadPair } from '../../src/run/loaded-pair.js'
import { measureData } from '../../src/run/merger-data.js'
import { runSweep } from '../../src/sweep/index.js'
import { loadTask, sliceTask } from '../../src/tasks/index.js'
import { type BackendInfo, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { withoutSeconds } from '../plan/plans.js'
import { makePosts } from './posts.js'

const EXPERIMENT = `name: merged
models:
  - { name: own, base: base, post: post, tasks: [a.jsonl] }
  - { name: own, base: base, post: mirror, tasks: [b.jsonl] }
  - { name: elsewhere, base: other-base, post: half, tasks: [a.jsonl] }
merges:
  - { merger: average, posts: [[post], [post, mirror]] }
  - { merger: task_arithmetic, posts: [post, mirror], lambda: [0.5, 1], edit: { editor: dare, drop_rate: [0, 0.5] } }
  - { merger: task_arithmetic, posts: [post, mirror], weight: { mirror: 0 }, label: weighted, tasks: [b.jsonl] }
  - { merger: ties, posts: [mirror, post], drop_rate: 0.5, tasks: [a.jsonl] }
  - { merger: fisher, posts: [post, mirror], convention: [paper, mergelm], tasks: [a.jsonl] }
  - { merger: regmean, posts: [post, mirror], reduce_non_diagonal_ratio: [0, 1], tasks: [a.jsonl] }
seeds: [3, 4]
score: { items: 4 }
loss: { items: 4, rule: gauss, steps: 3 }
data: { items: 2 }
`
let folder: string
let found: BackendInfo
let results: Results

const load = (yaml = EXPERIMENT) => {
  writeFileSync(join(folder, 'own.yaml'), yaml)
  return loadExperiment(join(folder, 'own.yaml'))
}
const run = async (out: string, jobs: number, yaml?: string) =>
  runSweep(await load(yaml), { folder: join(folder, out), jobs, backend: { asked: BACKEND, found } })

before(async () => {
  folder = await makePosts()
  found = await setBackend(BACKEND)
  await run('one', 1)
  results = await readResults(join(folder, 'one'))
})
after(() => rmSync(folder, { recursive: true }))

const rowsOf = (wanted: Partial<Row>, options: Record<string, unknown> = {}) =>
  results.rows.filter(
    (row) =>
      Object.entries(wanted).every(([key, value]) => row[key as keyof Row] === value) &&
      Object.entries(options).every(([key, value]) => row.options[key] === value),
  )
const near = (a: number | null, b: number | null, most = 1e-5) => assertClose(a!, b!, { tolerance: most })

test('one run for every merge, task and seed, on the models of its own base', () => {
  const errors = results.rows.map((row) => row.error)
  assert.deepEqual(
    errors.filter((error) => error !== null),
    [],
  )
  assert.deepEqual([...new Set(results.rows.map((row) => row.model))], ['own'])
  const count = (label: string) => rowsOf({ label }).map((row) => [row.task, row.seed])
  assert.deepEqual(count('average'), [
    ['a', null],
    ['a', null],
    ['b', null],
    ['b', null],
  ])
  // Two values of lambda, each without (drop rate 0) and with a draw.
  assert.deepEqual(
    count('dare+task_arithmetic').map(([, seed]) => seed),
    [null, null, 3, 4, 3, 4, null, null, 3, 4, 3, 4],
  )
  assert.deepEqual(count('weighted'), [['b', null]])
  assert.deepEqual(
    rowsOf({ label: 'ties' }).map((row) => [row.editor, row.merger, row.merged, row.drop_rate]),
    [[null, 'ties', 'mirror+post', 0.5]],
  )
  const [weighted] = rowsOf({ label: 'weighted' })
  assert.deepEqual(weighted!.options.weight, { post: 1, mirror: 0 })
})

test('one fine-tune merged is itself; on the task of another it is still itself', () => {
  const [own, other] = rowsOf({ merged: 'post', label: 'average' })
  assert.deepEqual([own!.edit_norm, own!.loss_change, own!.riemann_sum, own!.class], [0, 0, 0, 'competitive'])
  near(other!.edit_norm, 2 * other!.delta_norm!, 1e-4)
  assert.ok(other!.loss_edited !== other!.loss_post, 'post is not mirror')
  near(rowsOf({ label: 'weighted' })[0]!.loss_edited, other!.loss_edited)
})

test('mirror images cancel: their average and their sum are the base', () => {
  const still = rowsOf({ merged: 'post+mirror', seed: null }).filter(
    (row) => ['average', 'task_arithmetic'].includes(row.merger!) && row.label !== 'weighted',
  )
  assert.equal(still.length, 2 + 4)
  for (const row of still) {
    near(row.loss_edited, row.loss_pre)
    assert.equal(row.score_edited, row.score_pre)
    near(row.edit_norm, row.delta_norm, 1e-4)
    near(row.riemann_sum, row.loss_change, 1e-4 + 0.01 * Math.abs(row.loss_change!))
  }
})

test('each post has a mask of its own, so that mirror images no longer cancel, and each seed another', () => {
  const [three, four] = [3, 4].map(
    (seed) => rowsOf({ label: 'dare+task_arithmetic', task: 'a', seed }, { lambda: 1 })[0],
  )
  assert.ok(Math.abs(three!.loss_edited! - three!.loss_pre!) > 1e-4)
  assert.notEqual(three!.loss_edited, four!.loss_edited)
  // A merged entry is 2Δ or −2Δ with probability 1/4 each, else 0; its distance from Δ is √3 |Δ| in the mean square.
  assertClose(three!.edit_norm! / three!.delta_norm!, Math.sqrt(3), { tolerance: 0.02 })
})

test('TIES on mirror images keeps one of the two at every entry that is kept', () => {
  const [row] = rowsOf({ label: 'ties' })
  assertClose(row!.kept! / row!.parameters!, 0.5, { tolerance: 0.01 })
})

test('Fisher information of an item is the squared slope of its log-likelihood; MergeLM squares that of a batch', async () => {
  const experiment = await load()
  const home = await loadPair(experiment.models[0]!)
  const name = 'model.norm.weight'
  const request = { kind: 'fisher' as const, items: 2 }
  const [paper, mergelm] = [
    await measureData(home, { ...request, convention: 'paper' }),
    await measureData(home, { ...request, convention: 'mergelm' }),
  ]
  const task = await loadTask(join(folder, 'a.jsonl'))
  const likelihood = async (item: number, change: number) => {
    const values = (await home.post[name]!.data()).slice() as Float32Array
    values[0]! += change
    const weights = { ...home.post, [name]: tf.tensor(values) }
    const loss = await lossOf(
      home.model,
      weights,
      await encodeItems(sliceTask(task, item, item + 1), home.tokenizer, home.model),
    )
    weights[name].dispose()
    return -loss.mean * loss.tokens
  }
  const slopes = await Promise.all(
    [4, 5].map(async (item) => ((await likelihood(item, 0.01)) - (await likelihood(item, -0.01))) / 0.02),
  )
  const relative = (given: number, wanted: number) => assertClose(given / wanted, 1, { tolerance: 0.02 })
  relative(paper.get(name)![0]!, (slopes[0]! ** 2 + slopes[1]! ** 2) / 2)
  relative(mergelm.get(name)![0]!, (slopes[0]! + slopes[1]!) ** 2 / 2)
  home.dispose()
  assert.notEqual(rowsOf({ label: 'fisher' })[0]!.loss_edited, rowsOf({ label: 'fisher' })[1]!.loss_edited)
})

test('RegMean is no plain average, and off-diagonal entries of the Gram matrices matter', () => {
  const [diagonal, whole] = rowsOf({ label: 'regmean' })
  const average = rowsOf({ merged: 'post+mirror', label: 'average', task: 'a' })[0]
  const losses = [diagonal, whole, average].map((row) => row!.loss_edited)
  assert.equal(new Set(losses).size, 3, losses.join())
})

test('two threads write the same bytes as one', async () => {
  const tensors = tf.memory().numTensors
  await run('two', 2)
  for (const file of ['runs.csv', 'terms.csv']) {
    const [one, two] = ['one', 'two'].map((out) => withoutSeconds(readFileSync(join(folder, out, file), 'utf8')))
    assert.equal(two, one, file)
  }
  assert.equal(tf.memory().numTensors, tensors)
})

test('an id depends on the posts, the options and the data, not on other merges or on labels of editors', async () => {
  const idsOf = async (entry: string, more = '') => {
    const yaml = `${EXPERIMENT.slice(0, EXPERIMENT.indexOf('merges:'))}merges:\n  - { ${entry}, tasks: [a.jsonl] }\n${more}score: { items: 4 }\nloss: { items: 4 }\n`
    const experiment = await load(yaml)
    return planRuns(experiment, (await openInputs(experiment)).map(plannedTasks))[0]!.id
  }
  const id = await idsOf('merger: ties, posts: [post, mirror]')
  assert.equal(await idsOf('merger: ties, lambda: 1, convention: paper, posts: [post, mirror]'), id, 'defaults')
  assert.equal(await idsOf('merger: ties, posts: [post, mirror]', 'data: { items: 1 }\n'), id, 'data it does not need')
  const fisher = 'merger: fisher, posts: [post, mirror]'
  const others = [
    await idsOf('merger: ties, posts: [mirror, post]'),
    await idsOf('merger: ties, posts: [post, mirror], lambda: 0.5'),
    await idsOf('merger: ties, posts: [post, mirror], convention: peft'),
    await idsOf('merger: ties, posts: [post, mirror], weight: { post: 2 }'),
    await idsOf('merger: ties, posts: [post, mirror], edit: { editor: magnitude, drop_rate: 0.5 }'),
    await idsOf(fisher, 'data: { items: 1 }\n'),
    await idsOf(fisher, 'data: { items: 2 }\n'),
  ]
  assert.equal(new Set([id, ...others]).size, others.length + 1)
})

test('what a merger learns from is not what it is measured on; posts have one shape', async () => {
  await assert.rejects(
    run('wrong', 1, EXPERIMENT.replace('data: { items: 2 }', 'data: { items: 3 }')),
    /fisher is given the last 3 of the 6 items of a, and the first 4 are measured on: lower items of `data`/,
  )
  const path = join(folder, 'mirror', 'model.safetensors')
  const bytes = readFileSync(path)
  const end = 8 + Number(bytes.readBigUInt64LE(0))
  // Another shape of as many entries, in a header of the same length: [48,48] becomes [2304].
  const header = bytes
    .toString('utf8', 8, end)
    .replace(/\[(\d+), ?(\d+)\]/, (text, rows, columns) => `[${rows * columns}]`.padEnd(text.length))
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 8), Buffer.from(header), bytes.subarray(end)]))
  await assert.rejects(run('wrong', 1), /mirror: 1 tensor does not match/)
  writeFileSync(path, bytes)
})
