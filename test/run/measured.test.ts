// Measurements that a results folder keeps: losses, scores and token ids are those measured anew, of a model nothing is computed
// twice, and what they are of decides, not where it lies.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { keepTokens, loadReader } from '../../src/evaluate/index.js'
import { type Kept, openKept } from '../../src/files/index.js'
import { hashInputs, openInputs, pairKey, plannedTasks, planRuns } from '../../src/plan/index.js'
import { attributeEdit, loadPair, measureModel, namedEdit } from '../../src/run/index.js'
import { openMeasured } from '../../src/run/measured.js'
import { measureReference } from '../../src/run/reference.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { items, makePair } from './pair.js'

const folder = makePair()
after(() => rmSync(folder, { recursive: true }))
before(() => setBackend(BACKEND))
const results = join(folder, 'results')
mkdirSync(results)

/** What is kept in `results`, with the kinds of values that had to be computed. */
function watch(): { kept: Kept; computed: string[] } {
  const kept = openKept(join(results, 'measured'))
  const computed: string[] = []
  return {
    computed,
    kept: {
      recall: (key, compute) =>
        kept.recall(key, () => {
          computed.push(`${key[0]}`)
          return compute()
        }),
    },
  }
}

/** The reference measurements of a pair in this folder. */
async function measure(at: string, more = '', score = 4, loss = '{ items: 6 }') {
  const file = join(at, 'x.yaml')
  writeFileSync(
    file,
    `name: own\nmodels: [{ name: m, base: base, post: post, tasks: [items.jsonl]${more} }]\neditors: [{ editor: expo, alpha: 1 }]\nscore: { items: ${score} }\nloss: ${loss}\n`,
  )
  const experiment = await loadExperiment(file)
  const { kept, computed } = watch()
  const inputs = await openInputs(experiment, { kept })
  const { contents } = await hashInputs(inputs)
  const [run] = planRuns(experiment, inputs.map(plannedTasks))
  const home = await loadPair(run!.pair, experiment.registry, kept)
  const tensors = tf.memory().numTensors
  const of = (measured?: ReturnType<typeof openMeasured>) =>
    measureReference(home, run!.task, experiment, { needsGradient: false, runs: 1, ...(measured && { measured }) })
  const found = await of(openMeasured(kept, 'wasm 1', contents[pairKey(run!.pair)]!))
  assert.equal(tf.memory().numTensors, tensors)
  assert.deepEqual(found, await of(), 'as measured anew')
  home.dispose()
  return computed.sort()
}

test('each loss and score is measured once; other items, weights or heads are measured anew', async () => {
  assert.deepEqual(await measure(folder), ['loss', 'loss', 'replies', 'replies'])
  assert.deepEqual(await measure(folder), [])
  assert.deepEqual(await measure(folder, '', 3), ['replies', 'replies'])
  // A divergence is of both models; that of post from itself is not measured.
  const diverge = () => measure(folder, '', 4, '{ kind: kl, items: 6 }')
  assert.deepEqual([await diverge(), await diverge()], [['divergence'], []])
  // A copy is the same content; a head of post changes what the base is.
  const copy = join(folder, 'copy')
  for (const name of ['base', 'post', 'items.jsonl']) cpSync(join(folder, name), join(copy, name), { recursive: true })
  assert.deepEqual(await measure(copy), [])
  assert.deepEqual(await measure(copy, ', head: [model.norm.weight]'), ['loss', 'replies'])
  const weights = join(copy, 'post', 'model.safetensors')
  const bytes = readFileSync(weights)
  bytes[bytes.length - 3]! ^= 1
  writeFileSync(weights, bytes)
  assert.deepEqual(await measure(copy), ['loss', 'loss', 'replies', 'replies'])
  writeFileSync(join(copy, 'items.jsonl'), `${JSON.stringify({ prompt: 'w1 w2', target: 'w3' })}\n`)
  assert.deepEqual(await measure(copy), ['loss', 'loss', 'replies', 'replies'])
  assert.ok(readdirSync(join(results, 'measured')).every((name) => /^[0-9a-f]{32}\.json$/.test(name)))
})

test('eval and attribute count what a sweep measured, and the other way round', async () => {
  rmSync(join(results, 'measured'), { recursive: true, force: true })
  const keep = { folder: results, backend: 'wasm 1' }
  const [post, task] = [join(folder, 'post'), join(folder, 'items.jsonl')]
  const alone = await measureModel(post, task)
  assert.deepEqual(await measureModel(post, task, { keep }), alone)
  assert.equal(readdirSync(join(results, 'measured')).length, 2)
  assert.deepEqual(await measureModel(post, task, { keep }), alone)
  // Of post everything is known now; of base nothing is.
  assert.deepEqual(await measure(folder, '', 6), ['loss', 'replies'])
  const settings = { task, items: 6, rule: 'left', steps: 2, seed: 0, clock: () => 0 } as const
  const edit = namedEdit([{ editor: editorNamed('expo'), options: { alpha: 0.5 } }], {
    on: 'delta',
    tensors: { include: [], exclude: [] },
  })
  const attributed = (more: object) => attributeEdit(join(folder, 'base'), post, edit, { ...settings, ...more })
  const before = readdirSync(join(results, 'measured'))
  assert.deepEqual(await attributed({ keep }), await attributed({}))
  assert.deepEqual(readdirSync(join(results, 'measured')), before, 'the sweep has both losses')
})

test('texts that were encoded are not encoded again, by a tokenizer of the same files', async () => {
  const at = join(folder, 'post')
  const texts = Array.from({ length: 400 }, (_, i) => items[i % items.length]!.prompt!)
  const reader = await loadReader(at, {})
  assert.ok('encode' in reader)
  const expected = await reader.encode(texts, { special: true })
  const encode = async (from: string, special: boolean) => {
    const { kept, computed } = watch()
    const keeping = await keepTokens(await loadReader(from, {}), from, kept)
    assert.ok('encode' in keeping)
    const found = await keeping.encode(texts, { special })
    assert.deepEqual(found, special ? expected : await reader.encode(texts))
    await keeping.encode(['few'])
    return computed
  }
  assert.deepEqual(await encode(at, true), ['tokens'])
  assert.deepEqual(await encode(at, true), [])
  assert.deepEqual(await encode(at, false), ['tokens'], 'with special tokens is another list')
  const other = join(folder, 'other')
  cpSync(at, other, { recursive: true })
  const config = join(other, 'tokenizer_config.json')
  writeFileSync(config, `${readFileSync(config, 'utf8')}\n`)
  assert.deepEqual(await encode(other, true), ['tokens'])
})
