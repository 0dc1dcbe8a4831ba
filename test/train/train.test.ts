// The trainer: hand-worked AdamW and schedules, the same bytes for any number of workers and after an interruption.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeTokenizer } from '../../family/index.js'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { trainingSchema } from '../../src/config/index.js'
import { onFound } from '../../src/files/index.js'
import { clipGradient, startAdamW, updateAdamW } from '../../src/train/adamw.js'
import { train } from '../../src/train/index.js'
import { learningRate } from '../../src/train/schedule.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

test('two AdamW updates by hand', () => {
  const weights = Float32Array.of(1, 2)
  const state = startAdamW(2)
  const options = { rate: 0.1, betas: [0.9, 0.98] as const, decay: 0.5 }
  // Step 1: moments equal g and g² after correction, so the update is rate·sign(g); the second weight is decayed by 5 % first.
  updateAdamW(state, weights, Float32Array.of(3, -4), { ...options, decays: [[1, 2]] })
  assertClose(weights[0]!, 0.9, { tolerance: 1e-6 })
  assertClose(weights[1]!, 2 * 0.95 + 0.1, { tolerance: 1e-6 })
  // Step 2 with g = 1: m = (.9·.1·3 + .1·1)/(1 − .81) = 1.947368, v = (.98·.02·9 + .02·1)/(1 − .9604) = 4.959596.
  updateAdamW(state, weights, Float32Array.of(1, -4), { ...options, decays: [] })
  assertClose(weights[0]!, 0.9 - (0.1 * 1.947368) / Math.sqrt(4.959596), { tolerance: 1e-5 })
})

test('clipping scales to the limit and reports the norm before', () => {
  const gradient = Float32Array.of(3, 4)
  assert.equal(clipGradient(gradient, 1), 5)
  assertClose(Math.hypot(...gradient), 1, { tolerance: 1e-6 })
  const small = Float32Array.of(0.3, 0.4)
  clipGradient(small, 1)
  const near = Float32Array.of(3, 4)
  clipGradient(near, 4)
  assertClose(Math.hypot(...near), 4, { tolerance: 1e-6 })
  assert.deepEqual([...small], [...Float32Array.of(0.3, 0.4)])
})

test('warm-up and decay', () => {
  const schedule = { steps: 110, warmup: 10, learning_rate: 1, final: 0.2 }
  assert.equal(learningRate({ ...schedule, schedule: 'linear' }, 0), 0.1)
  assert.equal(learningRate({ ...schedule, schedule: 'linear' }, 9), 1)
  assertClose(learningRate({ ...schedule, schedule: 'linear' }, 60), 0.6, { tolerance: 1e-12 })
  assertClose(learningRate({ ...schedule, schedule: 'cosine' }, 60), 0.6, { tolerance: 1e-12 })
  assert.equal(learningRate({ ...schedule, schedule: 'constant' }, 100), 1)
  const plateau = Array.from({ length: 110 }, (_, step) => learningRate({ ...schedule, schedule: 'plateau' }, step))
  assert.deepEqual([plateau[9], plateau[88]], [1, 1])
  assert.ok(plateau[89]! < 1)
  assertClose(plateau[99]!, 0.6, { tolerance: 1e-12 }, 'eleven of the last 22 steps are left')
  assert.deepEqual(
    plateau.slice(0, 88),
    plateau.slice(0, 88).map((_, step) => learningRate({ ...schedule, steps: 500, schedule: 'plateau' }, step)),
  )
})

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'deltalab-train-'))
  writeTokenizer(join(folder, 'tokenizer'))
  const items = Array.from({ length: 40 }, (_, i) => ({
    prompt: 'User: please say twice cat',
    target: i % 2 ? ' cat cat' : ' dog',
  }))
  writeFileSync(join(folder, 'items.jsonl'), items.map((item) => JSON.stringify(item)).join('\n'))
})
after(() => rmSync(folder, { recursive: true }))

const recipe = (out: string, extra: object = {}) =>
  trainingSchema.parse({
    name: 'tiny',
    out,
    tokenizer: 'tokenizer',
    items: 'items.jsonl',
    batch: 6,
    micro_batches: 3,
    steps: 6,
    learning_rate: 0.01,
    seed: 3,
    save_every: 2,
    model: {
      model_type: 'llama',
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      vocab_size: 409,
    },
    ...extra,
  })
const options = () => ({ root: folder, backend: BACKEND, workers: 1 })
const weightsOf = (out: string) => readFileSync(join(folder, out, 'model.safetensors')).toString('base64')

test('one worker, three workers, and an interrupted run give the same bytes; the loss falls', async () => {
  const losses: number[] = []
  await train(recipe('one'), { ...options(), onStep: (_, loss) => losses.push(loss) })
  assert.ok(losses.at(-1)! < losses[0]!, String(losses))
  await train(recipe('three'), { ...options(), workers: 3 })
  assert.equal(weightsOf('three'), weightsOf('one'))
  await assert.rejects(
    train(recipe('cut'), {
      ...options(),
      onStep: (step) => {
        if (step === 5) throw new Error('cut')
      },
    }),
    /cut/,
  )
  let first = 0
  const said: string[] = []
  onFound((text) => said.push(text))
  await train(recipe('cut'), { ...options(), onStep: (step) => (first ||= step) })
  onFound(() => {})
  assert.deepEqual(said, ['cut: goes on after step 4 of 6'])
  assert.equal(first, 5, 'resumed after the state of step 4')
  assert.equal(weightsOf('cut'), weightsOf('one'))
  assert.equal(readFileSync(join(folder, 'cut/loss.csv'), 'utf8').split('\n').length, 8)
})

test('micro-batches weigh as many tokens as they have: one of all items gives the same loss and gradient', async () => {
  await train(recipe('whole', { micro_batches: 1, steps: 1 }), options())
  const [whole, parts] = ['whole', 'one'].map(
    (out) => readFileSync(join(folder, out, 'loss.csv'), 'utf8').split('\n')[1]!,
  )
  const [[, loss, norm, , tokens], [, lossOfParts, normOfParts, , tokensOfParts]] = [whole!, parts!].map((line) =>
    line.split(',').map(Number),
  ) as [number[], number[]]
  assert.equal(tokens, tokensOfParts)
  assertClose(loss!, lossOfParts!, { tolerance: 2e-5 })
  assertClose(norm!, normOfParts!, { tolerance: 2e-3 * norm! })
})

test('fine-tuning starts from a folder; another seed gives other weights; a recipe needs one source of each kind', async () => {
  await train(recipe('tuned', { model: undefined, from: 'one', steps: 1 }), options())
  assert.notEqual(weightsOf('tuned'), weightsOf('one'))
  await train(recipe('decayed', { model: undefined, from: 'one', steps: 1, weight_decay: 0.5 }), options())
  const [tuned, decayed] = [await openCheckpoint(join(folder, 'tuned')), await openCheckpoint(join(folder, 'decayed'))]
  for (const { name, shape } of tuned.tensors.values()) {
    const [one, other] = [await tuned.read(name), await decayed.read(name)]
    assert.equal(
      one.every((value, i) => value === other[i]),
      shape.length === 1,
      `${name}: only matrices are decayed`,
    )
  }
  await Promise.all([tuned.close(), decayed.close()])
  await train(recipe('other', { seed: 4 }), options())
  assert.notEqual(weightsOf('other'), weightsOf('one'))
  assert.throws(() => recipe('x', { model: undefined }), /give `from`, `model` or both/)
  assert.throws(
    () => recipe('x', { corpus: 'c.jsonl' }),
    /exactly one of `corpus`, `items`, `masked`, `labelled`, `images`/,
  )
  assert.throws(() => recipe('x', { items: undefined, images: 'i.jsonl' }), /`images` need a `preprocessor`/)
})

test('bad data and a taken folder are told before work starts', async () => {
  await assert.rejects(train(recipe('one'), options()), /one: exists and is not empty/)
  await assert.rejects(train(recipe('new', { items: 'none.jsonl' }), options()), /none\.jsonl: no such file/)
  writeFileSync(join(folder, 'bad.jsonl'), '{"prompt": "a", "target": "b"}\n{"prompt": "a"}\n')
  await assert.rejects(
    train(recipe('new', { items: 'bad.jsonl' }), options()),
    /bad\.jsonl:2: a line must have the text field "target"/,
  )
})
