// Editors without a program on kernels in worker threads: the same bytes and sums as in one thread, for every editor, whole and in
// parts; a bound of memory that is too small is refused.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { isBatch, type Pair, pairCheckpoints, writeCheckpoint } from '../../src/checkpoint/index.js'
import { type EditCheckpointOptions, editCheckpoint } from '../../src/edit/index.js'
import { planEdit } from '../../src/edit/plan.js'
import { type EditFound, editsRows, readInput } from '../../src/edit/tensor.js'
import { editOrigin, editorOf, reopenEdit } from '../../src/edit/thread.js'
import { type Editor, editors, parseOptions, scanModel } from '../../src/editors/index.js'
import { UserError } from '../../src/errors/index.js'
import { BUILT_IN } from '../../src/registry/index.js'
import { openModels } from '../../src/sources/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { temporary } from '../checkpoint/files.js'

before(() => setBackend(BACKEND))

const root = temporary()
const SHAPES: Record<string, number[]> = {
  'model.embed_tokens.weight': [30, 24],
  'model.layers.0.self_attn.q_proj.weight': [24, 24],
  'model.layers.0.mlp.down_proj.weight': [24, 40],
  'model.norm.weight': [24],
}

async function writeModel(name: string, seed: number): Promise<string> {
  const plan = Object.entries(SHAPES).map(([tensor, shape]) => ({ name: tensor, shape, dtype: 'F32' }))
  const tensors = plan.map(({ name: tensor, shape }, t) => ({
    name: tensor,
    values: Float32Array.from(
      { length: shape.reduce((product, side) => product * side) },
      (_, i) => Math.sin(i * 12.9898 + t) + (seed / 50) * Math.sin(i * 78.233 + seed + t),
    ),
  }))
  await writeCheckpoint(join(root, name), { plan, tensors, config: { model_type: 'test' } })
  return join(root, name)
}

const folders = Promise.all([writeModel('base', 0), writeModel('post', 1)])
const openPair = async (): Promise<Pair> =>
  pairCheckpoints(...(await openModels(...(await folders))), { ignoreUnmatched: false })

/** Options that an editor cannot do without, and those under which it has no program. */
const given: Record<string, object> = {
  dare: { drop_rate: 0.5 },
  magnitude: { drop_rate: 0.4, granularity: 'model' },
  lowrank: { rank: 5 },
  expo: { alpha: 0.3 },
  biased: { k: 0.5 },
  darex: { drop_rate: 0.5, q: 0.5 },
  magprune: { drop_rate: 0.5, epsilon: 0.4 },
  breadcrumbs: { drop_rate: 0.5, gamma: 0.1, convention: 'paper' },
  quantise: { bits: 4 },
  impart: { drop_rate: 0.7, beta: 0.3 },
  ultradelta: { drop_rate: 0.5 },
}

const optionsFor = (editor: Editor): EditCheckpointOptions => ({
  steps: [{ editor, options: parseOptions(editor, given[editor.name] ?? {}) }],
  seed: 3,
  on: 'delta',
  registry: BUILT_IN,
})

let outputs = 0
async function write(pair: Pair, options: EditCheckpointOptions) {
  const out = join(root, `out-${++outputs}`)
  const warnings: string[] = []
  const summary = await editCheckpoint(pair, out, { ...options, onWarning: (text) => void warnings.push(text) })
  return { weights: readFileSync(join(out, 'model.safetensors')), summary, warnings }
}

for (const editor of editors) {
  test(`${editor.name}: another thread makes the same bytes and finds the same`, async () => {
    const pair = await openPair()
    const options = optionsFor(editor)
    const plan = planEdit(pair, options)
    const scanned = await scanModel(options.steps, async function* () {
      for (const { name } of plan) yield [name, await readInput(pair, name, 'delta')] as const
    })
    const origin = editOrigin(pair, options, BUILT_IN)!
    const again = await reopenEdit(structuredClone(origin))
    const answer = editorOf(again.pair, again.options, structuredClone(scanned))
    const here = await write(pair, { ...options, jobs: 1 })
    const start = 8 + Number(here.weights.readBigUInt64LE(0))
    const header = JSON.parse(here.weights.toString('utf8', 8, start)) as Record<
      string,
      { data_offsets: [number, number] }
    >
    const file = join(root, 'tensor')
    writeFileSync(file, '')
    const found: EditFound[] = []
    for (const [i, { name, shape }] of plan.entries()) {
      const cut = Math.ceil(shape[0]! / 3)
      const parts = editsRows(options.steps, { batch: isBatch(name, shape) })
        ? [
            { from: 0, to: cut },
            { from: cut, to: shape[0]! },
          ]
        : [null]
      for (const rows of parts) found.push(await answer({ tensor: i, rows, target: { file, begin: 0 } }))
      const [from, to] = header[name]!.data_offsets
      assert.ok(
        readFileSync(file)
          .subarray(0, to - from)
          .equals(here.weights.subarray(start + from, start + to)),
        name,
      )
    }
    const kept = found.reduce((sum, part) => sum + part.kept, 0)
    assert.equal(kept, here.summary.kept)
    const norm = Math.sqrt(found.reduce((sum, part) => sum + part.changeSquares, 0))
    assert.ok(Math.abs(norm - here.summary.edit_norm) < 1e-12 * norm + 1e-15)
    assert.deepEqual([...new Set(found.flatMap(({ warnings }) => warnings))], here.warnings)
    await Promise.all([pair, again.pair].flatMap(({ base, post }) => [base.close(), post.close()]))
  })
}

test('two threads write the file of one, and find the same', async () => {
  const pair = await openPair()
  const named = (name: string) => optionsFor(editors.find((editor) => editor.name === name)!)
  for (const options of [named('lowrank'), named('magnitude')]) {
    const [one, two] = [await write(pair, { ...options, jobs: 1 }), await write(pair, { ...options, jobs: 2 })]
    assert.ok(one.weights.equals(two.weights))
    assert.deepEqual([two.summary, two.warnings], [one.summary, one.warnings])
  }
  await assert.rejects(
    write(pair, { ...named('lowrank'), memory: 1e6 }),
    new UserError('--memory 1MB is too small; 175MB would do'),
  )
  await Promise.all([pair.base.close(), pair.post.close()])
})
