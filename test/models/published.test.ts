// Configurations as they are published, one of each family: their tensors and numbers are those of transformers, and the folder of
// such a model is opened, evaluated and attributed. Sizes are cut, weights are waves (test/fixtures/models/make/published.py). Always on
// wasm: half a unit in the last place of these weights moves the logits of one of them by 4e-5.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encode } from 'fast-png'
import { attribute, evaluate } from '../../src/api/index.js'
import { lossOf } from '../../src/loss/index.js'
import {
  architectures,
  type Batch,
  disposeInputs,
  forward,
  IGNORED,
  imageBatch,
  loadModel,
  type Model,
  makeInputs,
  padBatch,
  type Weights,
} from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import '../backend.js'
import { assertClose } from '../close.js'
import { type TokenizerName, tokenizerFiles, writePublished } from '../layouts/layout.js'
import { FIXTURES, textBatch, worst } from './fixture.js'
import { WAVE_TEXTS, waveLabels, waves } from './waves.js'

interface Entry {
  repo: string
  /** A public copy that it was compared with. */
  source?: string
  config: Record<string, unknown>
  cut: Record<string, unknown>
  tensors: Record<string, number[]>
  loss: number
  /** Logits of the first text at its last token, or of the first image for both texts. */
  values: number[]
}

const entries = JSON.parse(readFileSync(`${FIXTURES}published.json`, 'utf8')) as Entry[]

/** Tensors of parts that the model does not run: what Gemma 3 sees with, and the texts beside images. */
const APART = /^(vision_tower|multi_modal_projector|text_model)\./

/** By the size of the vocabulary. */
const TOKENIZERS: Record<number, TokenizerName> = {
  803: 'qwen2-bpe',
  865: 'roberta-bpe',
  903: 'unigram',
  1059: 'llama2-bpe',
  1162: 'bert-wordpiece',
}

/** Rows of the text embedding. */
const rowsOf = ({ vocabulary }: Model, { text_config: text }: Entry['config']): number =>
  vocabulary || (text as { vocab_size: number }).vocab_size

/** Side of an image. */
const SIDE = 32

/** preprocessor_config.json of models that see; a Gemma 3 is run on texts alone. */
const PREPROCESSORS: Record<string, Record<string, object>> = {
  gemma3: { 'preprocessor_config.json': { image_processor_type: 'Gemma3ImageProcessor' } },
  siglip: {
    'preprocessor_config.json': {
      image_processor_type: 'SiglipImageProcessor',
      size: { height: SIDE, width: SIDE },
    },
  },
}

let root: string
before(async () => {
  await setBackend('wasm')
  root = mkdtempSync(join(tmpdir(), 'published-'))
  const rows = ['a good day', 'a bad day'].map((text, label) => ({ text, label, prompt: text, target: ' again' }))
  const card = {
    name: 'classes',
    version: 1,
    description: 'classes',
    kind: 'classify',
    metric: 'acc',
    data: 'rows.jsonl',
  }
  writeFileSync(join(root, 'classes.yaml'), JSON.stringify({ ...card, prompt: '{{text}}', label: '{{label}}' }))
  const data = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => (i * 7) % 256)
  writeFileSync(join(root, 'picture.png'), encode({ width: SIDE, height: SIDE, channels: 3, depth: 8, data }))
  const pictures = [0, 1].map((label) => ({ image: 'picture.png', crop: [8 * label, 0, 20, 20], label }))
  writeFileSync(join(root, 'pictures.jsonl'), pictures.map((row) => `${JSON.stringify(row)}\n`).join(''))
  writeFileSync(
    join(root, 'images.yaml'),
    JSON.stringify({ ...card, kind: 'images', data: 'pictures.jsonl', classes: ['red', 'a good day'] }),
  )
  writeFileSync(join(root, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
after(() => rmSync(root, { recursive: true }))

/** What each token should give, or each text. */
function labelsOf({ objective }: Model): number[] | number[][] {
  if (objective === 'classes') return [1, 0]
  if (objective !== 'replaced') return waveLabels()
  return waveLabels().map((row) => row.map((id) => (id === IGNORED ? id : id % 2)))
}

/** Two images of waves, and what the text tower makes of the two texts. */
async function imagesOf({ describer }: Model, config: Entry['config'], weights: Weights): Promise<Batch> {
  const tower = loadModel({ ...config, architectures: [describer] })
  const inputs = makeInputs(tower, textBatch({ input_ids: WAVE_TEXTS.input_ids }))
  const unit = tf.tidy(() => {
    const features = forward(tower, weights, inputs)
    return features.div(features.norm('euclidean', 1, true)).dataSync() as Float32Array
  })
  disposeInputs(inputs)
  const pixels = Float32Array.from({ length: 2 * 3 * SIDE * SIDE }, (_, i) => Math.sin(i * 0.11))
  return imageBatch(pixels, [1, 0], { classes: unit })
}

/** Two texts; an encoder–decoder reads them as prompts and gives them as answers. */
function batchOf(model: Model): Batch {
  if (model.start === undefined) return textBatch({ ...WAVE_TEXTS, labels: labelsOf(model) } as never)
  const texts = waveLabels().map((labels) => labels.filter((id) => id !== IGNORED))
  const sequences = texts.map((ids) => ({ prompt: ids, target: ids }))
  return padBatch(sequences, [0, 1], 0, { start: model.start })
}

/** Outputs that the fixture has: of the first text its classes, of each token whether it is replaced, or logits of the last one. */
function wantedOf({ objective }: Model): Int32Array {
  const columns = WAVE_TEXTS.input_ids[0]!.length
  if (objective === 'replaced') return Int32Array.from({ length: columns }, (_, i) => i)
  return Int32Array.of(objective === 'classes' ? 0 : columns - 1)
}

/** The loss of two texts, and some logits of the first. */
async function resultOf(model: Model, { tensors, config }: Pick<Entry, 'tensors' | 'config'>) {
  const weights = waves(tensors, 0.1)
  const batch = model.describer ? await imagesOf(model, config, weights) : batchOf(model)
  const inputs = makeInputs(model, batch, { wanted: wantedOf(model) })
  const values = tf.tidy(() => forward(model, weights, inputs).dataSync())
  disposeInputs(inputs)
  const { mean } = await lossOf(model, weights, [batch])
  tf.dispose(weights)
  return { values, loss: mean }
}

/** What is asked of a task: a model that fills in or tells tokens apart is trained to classify first. */
function askedOf({ objective, architecture }: Model, config: Entry['config']): Entry['config'] {
  if (objective === 'causal' || objective === 'classes') return config
  const { classes } = architectures.find(({ name }) => name === architecture)!
  return { ...config, architectures: [classes.find((name) => name.endsWith('ForSequenceClassification'))!] }
}

for (const { repo, config, cut, tensors, ...right } of entries) {
  test(`${repo}: the numbers of transformers; evaluated and attributed`, async () => {
    const small = { ...config, ...cut }
    const model = loadModel(small, tensors)
    assert.deepEqual(model.shapes, Object.fromEntries(Object.entries(tensors).filter(([name]) => !APART.test(name))))
    const { loss, values } = await resultOf(model, { tensors, config: small })
    assertClose(loss, right.loss, { tolerance: 5e-5 })
    assert.ok(worst(values.slice(0, right.values.length), right.values) < 5e-5)
    const asked = askedOf(model, small)
    const shapes = asked === small ? tensors : loadModel(asked).shapes
    const files = { ...tokenizerFiles(TOKENIZERS[rowsOf(model, small)]!), ...PREPROCESSORS[model.architecture] }
    const published = { repo, config: asked, shapes, storage: [{ kind: 'safetensors' as const }], files }
    const [base, post] = ['base', 'post'].map((name) => join(root, repo, name))
    writePublished(base!, published, false)
    writePublished(post!, published, true)
    const task = join(
      root,
      model.describer ? 'images.yaml' : model.objective === 'causal' ? 'rows.jsonl' : 'classes.yaml',
    )
    const own = await evaluate(post!, { task, backend: 'wasm' })
    assert.ok(own.loss! > 0 && own.score! >= 0)
    const { row, terms } = await attribute(
      { base: base!, post: post! },
      { editor: 'dare', drop_rate: 0.5 },
      { task, backend: 'wasm' },
    )
    const scale = terms.reduce((sum, { term }) => sum + Math.abs(term), 0)
    assert.ok(Math.abs(terms.reduce((sum, { term }) => sum + term, 0) - row.riemann_sum!) < 1e-6 * scale)
    // A router chooses other experts from some point of the path on: a step, which no gradient sees.
    const routed = model.linear.some((name) => name.includes('experts.'))
    assert.ok(routed || Math.abs(row.loss_change! - row.riemann_sum!) < 0.01 * scale)
    assert.ok(terms.length > model.linear.length)
  })
}
