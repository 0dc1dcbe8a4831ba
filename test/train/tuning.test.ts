// What each tuning trains, and what its folder stands for: only its own tensors differ from the base, a folder of an adapter gives the
// trained weights again, editors and pairs take it; and recipes that cannot be trained so.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeEncoderData } from '../../family/index.js'
import { agreeOnLite, inputsOf, pairCheckpoints, readHeader } from '../../src/checkpoint/index.js'
import { trainingSchema } from '../../src/config/index.js'
import { extractAdapter } from '../../src/edit/index.js'
import { defineTask, edit, evaluate } from '../../src/index.js'
import { openModel, openModels } from '../../src/sources/index.js'
import { countEntries } from '../../src/tensor/index.js'
import { train } from '../../src/train/index.js'
import { lowRank } from '../../src/train/low-rank.js'
import type { StartingPoint } from '../../src/train/tuning.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

let folder: string
const sizes = { hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3, num_attention_heads: 2 }
const bert = { model_type: 'bert', vocab_size: 300, max_position_embeddings: 64, ...sizes }
const common = { batch: 8, micro_batches: 2, steps: 3, learning_rate: 0.01, seed: 2, tokenizer: 'wordpiece' }
const TUNINGS = {
  full: {},
  lora: { lora: { rank: 2 } },
  bitfit: {},
  prompt: { prompt: [3, 0, 1] },
  palt: { prompt: [2, 1, 0], palt: { prompt_inner: 12 }, schedule: 'constant' },
} as const
type Name = keyof typeof TUNINGS

const recipeOf = (tuning: Name, more: object = {}) => ({
  ...{ name: tuning, out: tuning, from: 'base', labelled: 'pairs.jsonl', tuning },
  ...common,
  ...TUNINGS[tuning],
  ...more,
})
const at = (name: string) => join(folder, name)
const options = () => ({ root: folder, backend: BACKEND, workers: 1 }) as const

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deltalab-tuning-'))
  writeEncoderData(folder, { seed: 3, documents: 20, trainItems: 24 })
  const lines = readFileSync(at('entailment.train.jsonl'), 'utf8').trim().split('\n')
  const told = lines.map((line) => JSON.parse(line) as { label: number }).filter(({ label }) => label < 2)
  writeFileSync(at('pairs.jsonl'), told.map((each) => JSON.stringify(each)).join('\n'))
  const model = { ...bert, architectures: ['BertForNextSentencePrediction'] }
  const recipe = { ...recipeOf('full'), name: 'base', out: 'base', from: undefined, model, steps: 1 }
  await train(trainingSchema.parse(recipe), options())
  for (const tuning of Object.keys(TUNINGS) as Name[]) await train(trainingSchema.parse(recipeOf(tuning)), options())
})
after(() => rmSync(folder, { recursive: true }))

/** Largest change of each tensor. */
async function changes(post: string): Promise<Map<string, number>> {
  const opened = await openModels(at('base'), at(post))
  const { names, base, post: after, unmatched } = await pairCheckpoints(...opened)
  assert.deepEqual(unmatched, [])
  const found = new Map<string, number>()
  for (const name of names) {
    const [one, two] = [await base.read(name), await after.read(name)]
    found.set(name, Math.max(...two.map((value, i) => Math.abs(value - one[i]!))))
  }
  await Promise.all(opened.map((each) => each.close()))
  return found
}

const lite = /^(prompt_encoder\.|word_embedding\.|bert\.encoder\.layer\.\d\.additional_layer)/
const TRAINED: Record<Name, (name: string) => boolean> = {
  full: (name) => !/word_embeddings|position_embeddings|key\.bias/.test(name),
  lora: (name) => /(query|key|value|dense)\.weight$/.test(name) && !name.includes('pooler'),
  bitfit: (name) => name.endsWith('bias') && !name.includes('key'),
  prompt: (name) => lite.test(name),
  palt: (name) => lite.test(name),
}

for (const tuning of Object.keys(TUNINGS) as Name[])
  test(`${tuning}: what it trains changes, and nothing else`, async () => {
    const found = await changes(tuning)
    for (const [name, change] of found) {
      if (TRAINED[tuning](name)) assert.ok(change > 0, `${name} did not change`)
      else if (tuning !== 'full' && !name.includes('key.bias')) assert.equal(change, 0, `${name} changed`)
    }
    const count = { full: 0, lora: 18, bitfit: 0, prompt: 1, palt: 5 + 2 + 4 }[tuning]
    if (count) assert.equal([...found.values()].filter((change) => change > 0).length, count)
  })

test('adapters hold their parameters alone, and name the base beside them', async () => {
  for (const [tuning, entries] of [
    ['lora', 3 * 2 * (4 * (16 + 16) + 2 * (16 + 24))],
    ['prompt', 4 * 16],
    ['palt', 3 * 12 + (12 * 16 + 16) + (16 * 16 + 16) + 3 * (16 * 16 + 16)],
  ] as const) {
    assert.deepEqual(
      readdirSync(at(tuning)).filter((name) => /safetensors|config/.test(name)),
      ['adapter_config.json', 'adapter_model.safetensors'],
    )
    const { entries: tensors } = await readHeader(join(at(tuning), 'adapter_model.safetensors'))
    const sum = tensors.reduce((all, { shape }) => all + countEntries(shape), 0)
    assert.equal(sum, entries, tuning)
    const opened = await openModel(at(tuning))
    assert.equal(opened.config!.parameter_lite === undefined, tuning === 'lora')
    assert.equal(inputsOf(opened), at('base'), 'the tokenizer is that of the base')
    await opened.close()
  }
})

test('the folder gives the weights that were trained, and a snapshot those of its step', async () => {
  const snapshots = [{ step: 3, out: 'snapshot' }]
  await train(trainingSchema.parse(recipeOf('palt', { out: 'longer', steps: 4, snapshots })), options())
  const bytes = (name: string) => readFileSync(join(at(name), 'adapter_model.safetensors'))
  assert.ok(bytes('snapshot').equals(bytes('palt')))
  assert.ok(!bytes('longer').equals(bytes('palt')))
})

test('an edit of a parameter-lite delta is a whole model, whose delta is the edited one', async () => {
  await edit({ base: at('base'), post: at('palt') }, { editor: 'dare', drop_rate: 0.5 }, { out: at('edited'), seed: 1 })
  const opened = await openModels(at('base'), at('edited'))
  const whole = await openModels(at('base'), at('palt'))
  assert.deepEqual(opened[1].config!.parameter_lite, whole[1].config!.parameter_lite)
  let [kept, all] = [0, 0]
  for (const name of (await pairCheckpoints(...opened)).names) {
    const [start, edited, trained] = [await opened[0].read(name), await opened[1].read(name), await whole[1].read(name)]
    edited.forEach((value, i) => {
      const [delta, full] = [value - start[i]!, trained[i]! - start[i]!]
      if (full === 0) return assert.equal(delta, 0)
      all++
      if (delta !== 0) kept++
      assert.ok(delta === 0 || Math.abs(delta - 2 * full) < 1e-6, name)
    })
  }
  assert.ok(Math.abs(kept / all - 0.5) < 0.05, `${kept} of ${all} are kept`)
  await Promise.all([...opened, ...whole].map((each) => each.close()))
})

test('encoders of other starts do not fit together where the base has none', async () => {
  cpSync(at('palt'), at('palt-other'), { recursive: true })
  const file = join(at('palt-other'), 'adapter_config.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"seed": 2', '"seed": 3'))
  const opened = await Promise.all(['base', 'palt', 'palt-other'].map((name) => openModel(at(name))))
  await assert.rejects(
    agreeOnLite(opened),
    /palt and .*palt-other: parameter_lite has another seed \(2, 3\), so they were not/,
  )
  const [base] = await agreeOnLite(opened.slice(0, 2))
  const zero = await base!.read('word_embedding.0.weight')
  assert.ok(zero.every((value) => value === 0))
  await Promise.all(opened.map((each) => each.close()))
})

test('an adapter of a classifier holds its head, without which peft does not load it', async () => {
  const model = { ...bert, architectures: ['BertForSequenceClassification'] }
  const recipe = { ...recipeOf('full'), name: 'classes', out: 'classes', from: undefined, model, steps: 1 }
  await train(trainingSchema.parse(recipe), options())
  await train(trainingSchema.parse(recipeOf('lora', { from: 'classes', out: 'lora-classes' })), options())
  const config = JSON.parse(readFileSync(join(at('lora-classes'), 'adapter_config.json'), 'utf8'))
  assert.deepEqual([config.task_type, config.modules_to_save], ['SEQ_CLS', ['classifier']])
  const { entries } = await readHeader(join(at('lora-classes'), 'adapter_model.safetensors'))
  const names = entries.map(({ name }) => name).filter((name) => name.includes('classifier'))
  assert.deepEqual(names.sort(), ['base_model.model.classifier.bias', 'base_model.model.classifier.weight'])
  const [base, post] = await openModels(at('classes'), at('lora-classes'))
  assert.deepEqual(await post.read('classifier.weight'), await base.read('classifier.weight'))
  await Promise.all([base, post].map((each) => each.close()))
})

test('ranks follow the likelihood of the class, as the loss of each filled text has it', async () => {
  const choices = ['the cat', 'a dog', 'no tree']
  const common = { version: 1, prompt: '{{text}}', pair: '{{pair}}' }
  const rows = [{ text: '___ sleeps', pair: 'it sleeps', answer: 'a dog', others: [] }]
  const metric = ['mean_rank', 'mrr']
  const entries = { choices, right: '{{answer}}', others: 'others', label: '0' }
  const links = defineTask({ ...common, name: 'links', kind: 'rank', data: rows, metric, ...entries })
  const losses: number[] = []
  for (const choice of choices) {
    const data = [{ text: `${choice} sleeps`, pair: 'it sleeps', label: 0 }]
    const single = defineTask({ ...common, name: 'one', kind: 'classify', data, metric: 'acc', label: '{{label}}' })
    losses.push((await evaluate(at('palt'), { task: single })).loss!)
  }
  const { score, others, loss } = await evaluate(at('palt'), { task: links })
  const rank = 1 + losses.filter((each) => each < losses[1]!).length
  assert.equal(score, rank)
  assert.equal(others!.mrr, 1 / rank)
  assertClose(loss!, losses[1]!, { tolerance: 1e-5 })
})

for (const [type, name, turned] of [
  ['bert', 'bert.encoder.layer.0.output.dense.weight', false],
  ['gpt2', 'transformer.h.0.attn.c_attn.weight', true],
] as const)
  test(`low rank, ${type}: the gradient of the factors is the slope of the weights that they make`, () => {
    const shapes = { outer: [3, 4] as number[] }
    const spans = [{ name, shape: shapes.outer, begin: 1, end: 13 }]
    const weights = Float32Array.from({ length: 14 }, (_, i) => i / 10)
    const tensors = new Map([[name, { name, dtype: 'F32', shape: shapes.outer, file: '', begin: 0, end: 48 }]])
    const start = {
      ...{ spans, weights, config: { model_type: type }, stored: tensors, model: { linear: [name] } },
      recipe: trainingSchema.parse(recipeOf('lora')),
    } as unknown as StartingPoint
    const tuning = lowRank(start)
    assert.deepEqual(
      tuning.parameters.map(({ shape }) => shape),
      turned
        ? [
            [2, 3],
            [4, 2],
          ]
        : [
            [2, 4],
            [3, 2],
          ],
    )
    const first = tuning.parameters[0]!.end
    const largest = Math.max(...tuning.start.subarray(0, first).map(Math.abs))
    const bound = 1 / Math.sqrt(turned ? 3 : 4)
    assert.ok(largest < bound && largest > 0.6 * bound, `A starts within 1 over the root of its inputs; got ${largest}`)
    const values = Float32Array.from(tuning.start, (value, i) => (i < first ? value : Math.sin(i)))
    assert.ok(
      tuning.start.subarray(first).every((value) => value === 0),
      'B starts at 0',
    )
    const slope = Float32Array.from({ length: 14 }, (_, i) => Math.cos(i))
    const worth = (parameters: Float32Array) => {
      const into = weights.slice()
      tuning.apply(parameters, into)
      assert.deepEqual([into[0], into[13]], [weights[0], weights[13]])
      return into.reduce((sum, value, i) => sum + slope[i]! * value, 0)
    }
    const gradient = tuning.pull(slope, values)
    values.forEach((value, i) => {
      const moved = (by: number) => worth(values.map((each, k) => (k === i ? value + by : each)))
      assertClose(gradient[i]!, (moved(0.5) - moved(-0.5)) / 1, { tolerance: 1e-5 }, `parameter ${i}`)
    })
  })

test('recipes that cannot be trained so are refused in one line', async () => {
  const fault = (recipe: object, words: RegExp) => {
    const { error } = trainingSchema.safeParse(recipe)
    assert.match(JSON.stringify(error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)), words)
  }
  fault({ ...recipeOf('palt'), prompt: undefined }, /prompt: `tuning: palt` needs it/)
  fault({ ...recipeOf('lora'), lora: undefined }, /lora: `tuning: lora` needs it/)
  fault({ ...recipeOf('full'), lora: { rank: 2 } }, /lora: is for `tuning: lora`, and this is `full`/)
  fault({ ...recipeOf('prompt'), palt: {} }, /palt: is for `tuning: palt`, and this is `prompt`/)
  fault({ ...recipeOf('prompt'), prompt: [0, 0, 0] }, /prompt: must have a token/)
  fault({ ...recipeOf('full'), betas: [1, 0.98] }, /betas.0: /)
  fault(
    {
      ...recipeOf('full'),
      steps: 4,
      snapshots: [
        { step: 4, out: 'a' },
        { step: 5, out: 'b' },
      ],
    },
    /snapshots.1.step: comes after the last of 4 steps/,
  )
  fault({ ...recipeOf('palt'), palt: { layers: [1, 1] } }, /palt.layers: names a layer twice/)
  fault({ ...recipeOf('palt'), palt: { prompt_inner: 2 ** 17 } }, /palt.prompt_inner: /)
  fault(
    { ...recipeOf('bitfit'), from: undefined, model: bert },
    /tuning: `bitfit` leaves the model as it is: give `from`/,
  )
  const refused = (recipe: object, words: RegExp) =>
    assert.rejects(train(trainingSchema.parse(recipe), options()), words)
  await refused(recipeOf('palt', { out: 'x', palt: { layers: [3] } }), /palt.layers names layer 3, .* layers 0 to 2/)
  await refused(
    recipeOf('palt', { out: 'x', from: 'palt' }),
    /palt is an adapter, and `palt` writes an adapter of a whole model/,
  )
  await refused(recipeOf('lora', { out: 'x', from: 'lora' }), /lora is an adapter, and `lora` writes an adapter/)
  await refused(
    recipeOf('palt', { out: 'x', from: 'edited' }),
    /has a parameter_lite already; give the model without it/,
  )
  const opened = await openModels(at('base'), at('palt'))
  const pair = await pairCheckpoints(...opened)
  const rankOne = { rank: 1, baseModel: 'base' } as Parameters<typeof extractAdapter>[2]
  await assert.rejects(
    extractAdapter(pair, at('x'), rankOne),
    /has a parameter_lite, whose modules no LoRA adapter holds/,
  )
  await Promise.all(opened.map((each) => each.close()))
  const llama = {
    ...sizes,
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    vocab_size: 300,
    num_key_value_heads: 2,
  }
  const decoder = { ...recipeOf('full'), out: 'llama', from: undefined, labelled: undefined, masked: undefined }
  await refused({ ...decoder, model: llama, masked: 'documents.jsonl' }, /trains masked/)
})
