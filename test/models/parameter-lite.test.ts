// The parameter-lite encoder of PALT and prompt tuning against PyTorch (test/fixtures/palt): logits, loss, gradients, start; where its
// tokens stand in a text; and what is refused.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liteStart } from '../../src/adapters/index.js'
import { openWeights } from '../../src/checkpoint/single.js'
import { gradientOf } from '../../src/loss/index.js'
import {
  type Batch,
  disposeInputs,
  forward,
  IGNORED,
  loadModel,
  type Model,
  makeInputs,
  type Weights,
} from '../../src/models/index.js'
import { readObject } from '../../src/schema/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { type Tokenizer, withPrompt } from '../../src/tokenizer/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

interface Case {
  config: Record<string, unknown>
  ids: number[][]
  types: number[][]
  mask: number[][]
  labels: number[]
  logits: number[][]
  loss: number
  start: Record<string, number[]>
  gradient: Record<string, number[]>
}

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/palt/', import.meta.url))
const CASES = readObject(`${FOLDER}expected.json`) as unknown as Record<string, Case>

before(() => setBackend(BACKEND))

async function open(name: string): Promise<{ model: Model; weights: Weights; batch: Batch }> {
  const { config, ids, types, mask, labels } = CASES[name]!
  const file = await openWeights(`${FOLDER}${name}.safetensors`)
  const shapes = Object.fromEntries([...file.tensors].map(([each, { shape }]) => [each, shape]))
  const model = loadModel(config, shapes)
  const weights: Weights = {}
  for (const [each, shape] of Object.entries(model.shapes)) weights[each] = tf.tensor(await file.read(each), shape)
  await file.close()
  const flat = (rows: number[][]) => Int32Array.from(rows.flat())
  const batch: Batch = {
    rows: ids.length,
    columns: ids[0]!.length,
    items: Int32Array.from(ids.keys()),
    ids: flat(ids),
    positions: flat(ids.map((row) => [...row.keys()])),
    mask: flat(mask),
    types: flat(types),
    labels: new Int32Array(ids.flat().length).fill(IGNORED),
    targets: Float32Array.from(labels),
  }
  return { model, weights, batch }
}

for (const [name, expected] of Object.entries(CASES)) {
  test(`${name}: logits, loss and gradients are PyTorch's`, async () => {
    const { model, weights, batch } = await open(name)
    const wanted = Int32Array.from({ length: batch.rows }, (_, row) => row * batch.columns)
    const inputs = makeInputs(model, batch, { wanted })
    const logits = tf.tidy(() => forward(model, weights, inputs))
    assertClose(await logits.data(), expected.logits.flat(), { tolerance: 2e-5 }, 'logits')
    disposeInputs(inputs)
    logits.dispose()
    const { loss, gradient } = await gradientOf(model, weights, [batch])
    assertClose(loss.mean, expected.loss, { tolerance: 5e-6 }, 'loss')
    const lite = Object.keys(expected.start)
    for (const each of lite) assert.ok(each in expected.gradient, `${each} has a gradient`)
    for (const [each, values] of Object.entries(expected.gradient)) {
      const largest = Math.max(...values.map(Math.abs))
      assertClose(gradient.get(each)!, values, { tolerance: 2e-5 * largest + 1e-8 }, each)
    }
    tf.dispose(weights)
  })

  if (expected.config.parameter_lite)
    test(`${name}: the start is what torch draws after manual_seed, and 0 for linear layers`, () => {
      const { parameter_lite: lite } = expected.config as { parameter_lite: { seed: number } }
      const { model } = { model: loadModel(expected.config) }
      const shapes = new Map(Object.keys(expected.start).map((each) => [each, model.shapes[each]!]))
      const start = liteStart(lite, shapes)
      assert.deepEqual([...start.keys()].sort(), Object.keys(expected.start).sort())
      for (const [each, values] of Object.entries(expected.start))
        assertClose(start.get(each)!, values, { tolerance: 1e-6 }, each)
    })
}

test('at the start a model without trained tokens is its base', async () => {
  const { model, weights, batch } = await open('next-sentence')
  const lite = loadModel({ ...CASES['next-sentence']!.config, parameter_lite: { embedding: true, layers: [0, 2] } })
  const shapes = new Map(Object.entries(lite.shapes).filter(([name]) => !(name in model.shapes)))
  assert.equal(shapes.size, 6)
  const start = [...liteStart({ seed: 0 }, shapes)].map(([name, values]) => [
    name,
    tf.tensor(values, shapes.get(name)!),
  ])
  const all = { ...weights, ...Object.fromEntries(start) } as Weights
  const outputs = await Promise.all(
    [model, lite].map((each) => {
      const inputs = makeInputs(each, batch)
      const values = tf.tidy(() => forward(each, all, inputs)).data()
      disposeInputs(inputs)
      return values
    }),
  )
  assert.deepEqual(outputs[0], outputs[1])
  tf.dispose(all)
})

test('trained tokens stand behind [CLS], before the first [SEP] and before the last', async () => {
  const words = { ids: [2, 5, 6, 3], types: [0, 0, 0, 0] }
  const pair = { ids: [2, 5, 6, 3, 7, 3], types: [0, 0, 0, 0, 1, 1] }
  const tokenizer = {
    encodePairs: async (pairs) =>
      pairs.map(({ text, pair: second }) => (second ? pair : text ? words : { ids: [2, 3], types: [0, 0] })),
  } as Tokenizer
  const prompted = withPrompt(tokenizer, { vocabulary: 20, prompt: [2, 1, 1] }, 'a test')
  const [two, one] = await prompted.encodePairs([{ text: 'a', pair: 'b' }, { text: 'a' }])
  assert.deepEqual(two, { ids: [2, 20, 21, 5, 6, 22, 3, 7, 23, 3], types: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1] })
  assert.deepEqual(one, { ids: [2, 20, 21, 5, 6, 22, 23, 3], types: [0, 0, 0, 0, 0, 0, 0, 0] })
  assert.equal(withPrompt(tokenizer, { vocabulary: 20 }, 'a test'), tokenizer)
  const bare = { encodePairs: async (pairs) => pairs.map(() => ({ ids: [], types: [] })) } as Pick<
    Tokenizer,
    'encodePairs'
  > as Tokenizer
  await assert.rejects(
    withPrompt(bare, { vocabulary: 20, prompt: [1, 0, 0] }, 'a test').encodePairs([{ text: 'a' }]),
    /a test: .* between \[CLS\] and \[SEP\], and the tokenizer puts 0 tokens around a text, not 2/,
  )
})

test('what config.json cannot have', () => {
  const { config } = CASES.palt!
  const refused = (change: object, words: RegExp) => assert.throws(() => loadModel({ ...config, ...change }), words)
  const lite = config.parameter_lite as object
  refused(
    { architectures: ['BertForMaskedLM'] },
    /parameter_lite needs BertForNextSentencePrediction or .* this is BertForMaskedLM/,
  )
  refused({ parameter_lite: { ...lite, layers: [3] } }, /names layer 3, and the encoder has layers 0 to 2/)
  refused({ parameter_lite: { ...lite, layers: [1, 1] } }, /layers names a layer twice/)
  refused({ parameter_lite: { ...lite, layer: 1 } }, /parameter_lite.*layer/)
  refused({ parameter_lite: {} }, /without them nothing is trained/)
  refused({ parameter_lite: { prompt: [1, 2] } }, /prompt/)
  assert.throws(
    () =>
      loadModel({
        ...{ model_type: 'roberta', architectures: ['RobertaForSequenceClassification'], parameter_lite: lite },
        ...{ vocab_size: 20, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 },
      }),
    /parameter_lite is an entry for bert; roberta cannot have it/,
  )
})
