// SigLIP's image tower without a classifier: the pooling head against transformers, and the tower without it.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { classFeatures } from '../../src/evaluate/index.js'
import { disposeInputs, forward, imageBatch, loadModel, makeInputs, sourceOf } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { BACKEND } from '../backend.js'
import { openFixture, worst } from './fixture.js'

const CONFIG = {
  model_type: 'siglip_vision_model',
  architectures: ['SiglipVisionModel'],
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 10,
  patch_size: 4,
}

test('one query attends to all patches: pooler_output of SiglipVisionModel', async () => {
  await setBackend(BACKEND)
  const model = loadModel(CONFIG)
  // The weights of configurations.test.ts: tensor k of the sorted names.
  const weights = Object.fromEntries(
    Object.entries(model.shapes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, shape], k) => {
        const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
          const wave = Math.sin(0.37 * (i + 1) * (k + 1))
          return shape.length === 1 ? 1 + 0.3 * wave : 0.4 * wave
        })
        return [name, tf.tensor(values, shape)]
      }),
  )
  const pixels = Float32Array.from({ length: 2 * 3 * 10 * 10 }, (_, i) => Math.sin(i * 0.11))
  const inputs = makeInputs(model, imageBatch(pixels, [0, 0]))
  const pooled = tf.tidy(() => forward(model, weights, inputs).dataSync())
  disposeInputs(inputs)
  tf.dispose(weights)
  // transformers 5.24.0 in float64.
  const right = [3.65673, 0.29427, 4.046298, 0.605692, 4.076379, -0.695325, 3.399602, 0.899843]
  assert.ok(worst(pooled.slice(0, 8), right) < 2e-5)
})

test('without a head the tower gives its patches, and no class token stands before them', () => {
  const model = loadModel({ ...CONFIG, vision_use_head: false })
  assert.equal(model.sequence, 4)
  assert.equal(model.objective, 'features')
  assert.ok(!Object.keys(model.shapes).some((name) => name.includes('head')))
})

test('texts are filled up to the positions, and the last token stands for them: the text features of SiglipModel', async () => {
  const { model, config, shapes, base, expected, reference } = await openFixture('siglip-zero-shot')
  const tower = loadModel({ ...config, architectures: [model.describer] }, shapes)
  const texts = expected.cases.main!.inputs.text_input_ids!.map((ids) => ids.filter((id) => id !== 1))
  const encode = async (names: readonly string[]) => names.map((name) => texts[Number(name)]!)
  const features = (unmarked: boolean) =>
    classFeatures(tower, sourceOf(tower, base), { encode, pad: 1, unmarked }, [['0'], ['1'], ['2'], ['3'], ['4']])
  const found = await features(true)
  const right = reference('cases.main.post.fixed_text_features')
  assert.ok(worst(found, right) < 2e-6)
  // A tokenizer that marks its pads hides them from the other tokens: the first text has none.
  const marked = await features(false)
  assert.ok(worst(marked.subarray(0, 24), right.subarray(0, 24)) < 2e-6)
  assert.ok(worst(marked.subarray(24), right.subarray(24)) > 1e-2)
  tf.dispose(base)
})

test('a zero-shot SigLIP whose features cannot be compared is refused by name; what it reads, and what SigLIP 2 reads of many sizes', () => {
  const made = (vision: object, text: object) =>
    loadModel({
      model_type: 'siglip',
      architectures: ['SiglipModel'],
      vision_config: { ...CONFIG, ...vision },
      text_config: { hidden_size: 8, num_attention_heads: 2, ...text },
    })
  assert.deepEqual(made({}, {}).shapes.logit_bias, [1])
  assert.equal(made({}, {}).objective, 'classes')
  assert.throws(
    () => made({ vision_use_head: false }, {}),
    /vision_use_head false leaves a SiglipModel without features/,
  )
  assert.throws(() => made({}, { projection_size: 12 }), /12 numbers \(projection_size\) and those of images 8/)
  const flexible = { model_type: 'siglip2', architectures: ['Siglip2Model'] }
  assert.throws(() => loadModel(flexible), /model_type "siglip2" in config\.json \(Siglip2Model\) cannot be run/)
})

test("SigLIP's tokenizer: small letters without punctuation, and pads that are not marked", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'siglip-'))
  const model = { type: 'WordLevel', vocab: { u: 0, a: 1, photo: 2, of: 3, cats: 4, A: 5 }, unk_token: 'u' }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ model, pre_tokenizer: { type: 'WhitespaceSplit' } }))
  const ids = async (config: object) => {
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
    const { encode, unmarked } = await loadTokenizer(folder)
    return { ids: (await encode(['A  photo, of "cats".']))[0], unmarked }
  }
  const siglip = { tokenizer_class: 'SiglipTokenizer', model_input_names: ['input_ids'] }
  assert.deepEqual(await ids(siglip), { ids: [1, 2, 3, 4], unmarked: true })
  assert.deepEqual(await ids({ ...siglip, do_lower_case: false }), { ids: [5, 2, 3, 4], unmarked: true })
  assert.deepEqual(await ids({ tokenizer_class: 'PreTrainedTokenizerFast' }), { ids: [5, 0, 3, 0], unmarked: false })
  rmSync(folder, { recursive: true })
})
