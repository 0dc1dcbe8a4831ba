// Classes beside the usual ones, with heads or without: logits, hidden states, losses, gradients and a Riemann sum are those of
// transformers in float64 (test/fixtures/classes/make.py).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { openWeights } from '../../src/checkpoint/single.js'
import { gradientOf, lossOf, riemannSum } from '../../src/loss/index.js'
import {
  countOutputs,
  disposeInputs,
  forward,
  hiddenStates,
  type Inputs,
  imageBatch,
  loadModel,
  makeInputs,
  modelOf,
  type Weights,
} from '../../src/models/index.js'
import { setBackend, type Tensor, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { textBatch, worst } from '../models/fixture.js'
import { TOLERANCES } from '../models/probe.js'
import { compatible } from './row.js'

const ROOT = 'test/fixtures/classes'
const LIKE = 'transformers 5.18.0'

interface Expected {
  class: string
  cases: Record<string, { inputs: Record<string, number[][]> & { labels?: number[] | number[][] }; loss?: number }>
  halved?: { loss: number; 'midpoint-2': Record<string, number> }
}

before(() => setBackend(BACKEND))

async function readAll(path: string): Promise<Map<string, Float32Array>> {
  const file = await openWeights(path)
  const values = new Map<string, Float32Array>()
  for (const name of file.tensors.keys()) values.set(name, await file.read(name))
  await file.close()
  return values
}

const batchOf = (inputs: Expected['cases'][string]['inputs']) =>
  inputs.pixel_values
    ? imageBatch(
        Float32Array.from(inputs.pixel_values.flat(3) as number[]),
        new Array(inputs.pixel_values.length).fill(0),
      )
    : textBatch(inputs as never)

async function valuesOf(inputs: Inputs, compute: (inputs: Inputs) => Tensor): Promise<Float32Array> {
  const found = tf.tidy(() => compute(inputs))
  const values = (await found.data()) as Float32Array
  found.dispose()
  disposeInputs(inputs)
  return values
}

/** Everything that the fixture says of the class, within the tolerances of the other models. */
async function check(name: string): Promise<void> {
  const folder = `${ROOT}/${name}`
  const expected: Expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'))
  const reference = await readAll(`${folder}/expected.safetensors`)
  const checkpoint = await openCheckpoint(folder)
  const model = modelOf(checkpoint, folder)
  assert.deepEqual(checkpoint.config!.architectures, [expected.class])
  // The tensors alone show the class, but that a head for pairs of sentences is not read.
  const { architectures: _, ...unnamed } = checkpoint.config!
  const alone = modelOf({ config: unnamed, tensors: checkpoint.tensors }, folder)
  assert.deepEqual([alone.objective, alone.shapes], [model.objective, model.shapes])
  const values = new Map<string, Float32Array>()
  for (const each of checkpoint.tensors.keys()) values.set(each, await checkpoint.read(each))
  const weights: Weights = Object.fromEntries(
    [...values].map(([each, data]) => [each, tf.tensor(data, [...checkpoint.tensors.get(each)!.shape])]),
  )
  await checkpoint.close()
  for (const [key, { inputs, loss }] of Object.entries(expected.cases)) {
    const batch = batchOf(inputs)
    const real = (states: Float32Array) =>
      states.map(
        (x, i) => x * (batch.mask.length ? batch.mask[Math.floor(i / (states.length / batch.mask.length))]! : 1),
      )
    const states = await valuesOf(makeInputs(model, batch), (each) => hiddenStates(model, weights, each))
    const error = worst(real(states), reference.get(`${key}.hidden`)!)
    assert.ok(error < TOLERANCES.hidden, `${name} ${key} hidden: ${error}`)
    if (loss === undefined) {
      assert.throws(() => countOutputs(model, batch), /gives features and has no loss of its own/)
      continue
    }
    const wanted = model.objective === 'masked' ? undefined : countOutputs(model, batch).at
    const logits = await valuesOf(makeInputs(model, batch, wanted ? { wanted } : {}), (each) =>
      forward(model, weights, each),
    )
    const off = worst(wanted ? logits : real(logits), reference.get(`${key}.logits`)!)
    assert.ok(off < TOLERANCES.logits, `${name} ${key} logits: ${off}`)
    const { mean } = await lossOf(model, weights, [batch])
    assert.ok(Math.abs(mean - loss) < TOLERANCES.loss, `${name} ${key} loss: ${mean}, ${loss}`)
  }
  if (expected.halved) {
    const batches = [batchOf((expected.cases.main ?? expected.cases.single)!.inputs)]
    const right = expected.halved['midpoint-2']
    const names = Object.keys(right).filter((each) => each in model.shapes)
    const { gradient } = await gradientOf(model, weights, batches, names)
    const largest = Math.max(...names.map((each) => Math.max(...reference.get(`grad.${each}`)!.map(Math.abs))))
    const change = new Map(names.map((each) => [each, values.get(each)!.map((x) => -x / 2)]))
    const { terms } = await riemannSum(model, { post: weights, change }, batches, { rule: 'midpoint', steps: 2 })
    const scale = Math.max(...Object.values(right).map(Math.abs))
    for (const each of names) {
      const error = worst(gradient.get(each)!, reference.get(`grad.${each}`)!, largest)
      assert.ok(error < TOLERANCES.gradient, `${name} gradient of ${each}: ${error}`)
      const off = Math.abs(terms.get(each)! - right[each]!) / scale
      assert.ok(off < TOLERANCES['riemann-tensor'], `${name} term of ${each}: ${terms.get(each)}, ${right[each]}`)
    }
  }
  tf.dispose(weights)
}

const rows: [what: string, names: string[], note?: string][] = [
  [
    'LlamaForSequenceClassification, Qwen2…, Qwen3…, Mistral…, Ministral… and GPT2…: classifiers and reward models',
    ['llama-classes', 'qwen2-reward', 'qwen3-classes', 'mistral-reward', 'ministral-classes', 'gpt2-classes'],
    'read at the last token that is not the padding token; with none in config.json, at the last one',
  ],
  ['LlamaModel, Qwen2Model, Qwen3Model, MistralModel, GPT2Model: hidden states', ['qwen3-body']],
  ['XLMRobertaForMaskedLM and XLMRobertaForSequenceClassification', ['xlm-roberta-masked', 'xlm-roberta-classes']],
  [
    'DistilBertForMaskedLM, ElectraForSequenceClassification, DebertaV2ForMaskedLM, ModernBertForSequenceClassification',
    ['distilbert-masked', 'electra-classes', 'deberta-masked', 'modernbert-reward'],
  ],
  ['ElectraModel, DebertaV2Model, ModernBertModel: hidden states', ['electra-body', 'deberta-body', 'modernbert-body']],
  ['BertForPreTraining: masked tokens', ['bert-pretraining'], 'its head for pairs of sentences is not read'],
  [
    'BertModel, RobertaModel, XLMRobertaModel, ViTModel: hidden states',
    ['bert-body', 'roberta-body', 'xlm-roberta-body', 'vit-body'],
    'no head, and so no loss and no score',
  ],
]
for (const [what, names, note] of rows)
  compatible({ what, outcome: 'read', like: LIKE, note }, async () => {
    for (const name of names) await check(name)
  })

compatible(
  {
    what: 'config.json with several architectures, or without any',
    outcome: 'read',
    like: LIKE,
    note: 'the class whose tensors are there',
  },
  () => {
    const { architectures: _, ...bert } = JSON.parse(readFileSync(`${ROOT}/bert-body/config.json`, 'utf8'))
    const shapes = (style: string) => loadModel({ ...bert, architectures: [style] }).shapes
    const objective = (named: unknown, style: string) =>
      loadModel({ ...bert, architectures: named }, shapes(style)).objective
    for (const named of [null, [], ['BertModel']]) {
      assert.equal(objective(named, 'BertForMaskedLM'), 'masked')
      assert.equal(objective(named, 'BertForSequenceClassification'), 'classes')
      assert.equal(objective(named, 'BertModel'), 'features')
    }
    assert.equal(objective(['BertForSequenceClassification', 'BertForMaskedLM'], 'BertForMaskedLM'), 'masked')
    assert.equal(objective(['BertForNextSentencePrediction', 'BertForMaskedLM'], 'BertForMaskedLM'), 'masked')
    const llama = {
      ...JSON.parse(readFileSync(`${ROOT}/llama-classes/config.json`, 'utf8')),
      architectures: ['LLaMAForCausalLM'],
    }
    assert.equal(loadModel(llama, loadModel(llama).shapes).objective, 'causal')
  },
)

compatible(
  {
    what: 'a class with a head, and tensors without it',
    outcome: 'refused',
    like: 'names the head, and the class that the tensors are',
  },
  () => {
    const config = JSON.parse(readFileSync(`${ROOT}/bert-body/config.json`, 'utf8'))
    assert.throws(
      () => loadModel({ ...config, architectures: ['BertForSequenceClassification'] }, loadModel(config).shapes),
      /bert\.pooler\.dense\.weight is missing; .*classifier\.weight is missing.*They are the tensors of a BertModel, and config\.json names BertForSequenceClassification/,
    )
  },
)

compatible(
  {
    what: 'num_labels and id2label of different counts, and a head of num_labels',
    outcome: 'refused',
    like: 'names both: transformers counts the names, and does not load it either',
  },
  () => {
    const config = {
      ...JSON.parse(readFileSync(`${ROOT}/bert-body/config.json`, 'utf8')),
      architectures: ['BertForSequenceClassification'],
    }
    const names = { 0: 'LABEL_0', 1: 'LABEL_1' }
    const { shapes } = loadModel({ ...config, num_labels: 50 })
    assert.throws(
      () => loadModel({ ...config, num_labels: 50, id2label: names }, shapes),
      /classifier\.weight is \[50,\d+\], config\.json says \[2,\d+\]; .*\. num_labels is 50 and id2label names 2; transformers counts the names: give id2label one for each class$/,
    )
    assert.equal(
      loadModel({ ...config, num_labels: 50, id2label: names }, loadModel(config).shapes).objective,
      'classes',
    )
  },
)

compatible(
  {
    what: 'another class or architecture, in eval, attribute, sweep and train',
    outcome: 'refused',
    like: 'names it, and says that inspect, edit, merge and extract work',
  },
  () => {
    const config = { model_type: 'bloom', architectures: ['BloomForCausalLM'] }
    assert.throws(
      () => loadModel(config, {}),
      /model_type "bloom" in config\.json \(BloomForCausalLM\) cannot be run: losses, scores and training need one of llama, .*inspect, edit, merge and extract work on any model$/,
    )
    for (const type of ['bart', 'dit', 'qwen', 'cohere', 'roformer'])
      assert.throws(
        () => loadModel({ model_type: type, architectures: ['X'] }),
        (error: Error) => !/did you mean/.test(error.message),
      )
    assert.throws(() => loadModel({ model_type: 'lama' }), /did you mean "llama"\?/)
    const bert = { model_type: 'bert', architectures: ['BertForTokenClassification'] }
    assert.throws(
      () => loadModel(bert),
      /BertForTokenClassification in config\.json, of bert, cannot be run.*BertForMaskedLM.*work on any model/,
    )
  },
)
