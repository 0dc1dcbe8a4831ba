// A sweep whose loss is the divergence from post: the rows, beside those of the same edits under the loss of the task.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { divergenceOf } from '../../src/divergence/index.js'
import { type Row, readResults, type Term } from '../../src/record/index.js'
import { applyEdit } from '../../src/run/edit.js'
import { attributeEdit, loadPair, namedEdit } from '../../src/run/index.js'
import { runSweep } from '../../src/sweep/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { FIXTURES } from '../models/fixture.js'
import { makePair } from './pair.js'

const folder = makePair()
after(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

async function sweep(out: string, loss: string): Promise<{ rows: Row[]; terms: Term[] }> {
  const yaml = `name: own
models: [{ name: llama3, base: base, post: post, tasks: [items.jsonl] }]
editors:
  - { editor: dare, drop_rate: 0.1 }
  - { editor: expo, alpha: [-1, 0, 3, 1.0e+30] }
  - { editor: biased, by: product, k: 0.9, drop_rate: 0.5 }
seeds: [3]
score: false
loss: ${loss}
`
  writeFileSync(at(`${out}.yaml`), yaml)
  const found = await setBackend(BACKEND)
  await runSweep(await loadExperiment(at(`${out}.yaml`)), {
    folder: at(out),
    jobs: 1,
    backend: { asked: BACKEND, found },
  })
  return readResults(at(out))
}

let kl: Awaited<ReturnType<typeof sweep>>
let task: typeof kl
before(async () => {
  kl = await sweep('kl', '{ kind: kl, items: 6, steps: 12, taylor2: true }')
  task = await sweep('task', '{ items: 6, steps: 1 }')
})

test('loss_edited is the divergence of the edited model on the same batches, that of base is loss_pre, that of post 0', async () => {
  const experiment = await loadExperiment(at('kl.yaml'))
  const home = await loadPair(experiment.models[0]!)
  const { batches } = await home.open(experiment.models[0]!.tasks[0]!, 6)
  const warn = assert.fail
  for (const [i, row] of kl.rows.entries()) {
    if (row.status === 'failed' || row.editor === 'biased') continue
    const edit = experiment.edits[i]!
    const edited = await applyEdit(home, edit, { seed: row.seed, warn })
    const found = await divergenceOf(home.model, { post: home.post, edited: edited.weights }, batches)
    edited.dispose()
    assert.deepEqual([row.loss_kind, row.loss_post, row.loss_edited], ['kl', 0, found.kl.mean])
    assert.equal(row.loss_change, row.loss_edited)
    if (row.edit_norm) assertClose(row.loss_change_se!, found.se, { tolerance: 1e-12 })
  }
  home.dispose()
  const [, back] = kl.rows
  assertClose(back!.loss_edited!, back!.loss_pre!, { tolerance: 1e-5 })
})

test('the sums are the divergence, and their terms add up to it; the first order is 0; no edit improves', () => {
  assert.deepEqual(
    kl.rows.map((row) => row.class),
    ['competitive', 'competitive', 'competitive', 'decreased', null, 'competitive'],
  )
  for (const row of kl.rows.filter(({ status }) => status === 'ok')) {
    assertClose(row.riemann_sum!, row.loss_edited!, { tolerance: 1e-4 }, row.label)
    const own = kl.terms.filter(({ run }) => run === row.id)
    assertClose(
      own.reduce((sum, { term }) => sum + term, 0),
      row.riemann_sum!,
      { tolerance: 1e-12 },
    )
    assert.deepEqual([row.taylor1, row.riemann_rule], [0, 'gauss'])
    assert.ok(row.taylor2! >= 0)
  }
  const [small, , none] = kl.rows
  assertClose(small!.taylor2!, small!.loss_edited!, { tolerance: 0.1 }, 'a small edit is in its second order')
  assert.deepEqual([none!.loss_edited, none!.riemann_sum, none!.taylor2], [0, 0, 0])
})

test('an editor that needs a gradient gets that of the task, so that its edit is the same', () => {
  const [diverging, usual] = [kl, task].map(({ rows }) => rows.find(({ editor }) => editor === 'biased')!)
  assert.equal(diverging!.edit_norm, usual!.edit_norm)
  assert.ok(diverging!.edit_norm! > 0)
  assert.equal(diverging!.kept, usual!.kept)
  assert.notEqual(diverging!.id, usual!.id)
  assert.equal(usual!.loss_kind, null)
})

test('a divergence that is not finite is one line, and so is a model that gives no distribution', async () => {
  assert.match(kl.rows[4]!.error!, /^\w+ is NaN( or infinite)?: the edit is too strong for float32$/)
  const tensors = tf.memory().numTensors
  const value = (side: string) => `${FIXTURES}roberta-regression/${side}`
  const edit = namedEdit([], { on: 'delta', tensors: { include: [], exclude: [] } })
  const options = { task: at('items.jsonl'), items: 6, loss: 'kl', steps: 1, seed: 0, clock: () => 0 } as const
  await assert.rejects(
    attributeEdit(value('base'), value('post'), edit, options),
    /kl compares the distributions of two models, and .* gives a value, which is no distribution/,
  )
  assert.equal(tf.memory().numTensors, tensors)
})
