// config.json read and refused: unknown words, disagreeing shapes, old names, and switches that must change nothing or something.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  architectures,
  type Batch,
  disposeInputs,
  forward,
  loadModel,
  type Model,
  makeInputs,
  type Weights,
} from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { NAMES, openFixture, worst } from './fixture.js'

const config = {
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 11,
}

test('an unknown architecture, class, rope type and activation are named', () => {
  assert.throws(
    () => loadModel({ ...config, model_type: 'lama' }),
    /model_type "lama" in config.json \(did you mean "llama"\?\) cannot be run: .* need one of llama, qwen2/,
  )
  const { model_type: _, ...untyped } = config
  assert.equal(loadModel({ ...untyped, architectures: ['LlamaForCausalLM'] }).architecture, 'llama')
  assert.throws(() => loadModel(untyped), /model_type is required/)
  assert.throws(
    () => loadModel({ ...config, rope_scaling: { rope_type: 'proportional' } }),
    /unknown rope type in config.json "proportional".*[kK]nown: default, dynamic, linear, llama3, longrope, yarn/,
  )
  assert.throws(
    () => loadModel({ ...config, rope_scaling: { type: 'linear' } }),
    /factor of rope type linear is required: a number/,
  )
  assert.throws(
    () => loadModel({ ...config, rope_parameters: { sliding_attention: { rope_theta: 10 } } }),
    /of their own for sliding_attention are not supported/,
  )
  assert.throws(
    () => loadModel({ ...config, partial_rotary_factor: 0.5 }),
    /partial_rotary_factor 0.5 is not supported by rotary positions; known: 1/,
  )
  assert.throws(() => loadModel({ ...config, rms_norm_eps: '1e-5' }), /rms_norm_eps must be a number; got "1e-5"/)
  assert.throws(
    () => loadModel({ ...config, model_type: 'mistral', num_key_value_heads: 2, sliding_window: 0 }),
    /sliding_window must be at least 1; got 0/,
  )
  assert.throws(
    () => loadModel({ ...config, hidden_act: 'gleu' }),
    /unknown hidden_act in config.json "gleu"; did you mean "gelu"/,
  )
  assert.throws(() => loadModel({ ...config, hidden_size: '8' }), /hidden_size must be a number; got "8"/)
  assert.throws(
    () => loadModel({ ...config, architectures: ['LlamaForTokenClassification'] }),
    /LlamaForTokenClassification in config.json, of llama, cannot be run: .* need one of LlamaForCausalLM/,
  )
  assert.throws(
    () => loadModel({ ...config, model_type: 'bert' }),
    /architectures must name the class of a bert; known: BertForSequenceClassification, BertForMaskedLM/,
  )
  const bert = { ...config, model_type: 'bert', architectures: ['BertForSequenceClassification'] }
  assert.throws(
    () => loadModel({ ...bert, hidden_act: 'mish' }),
    /unknown hidden_act in config.json "mish"; did you mean/,
  )
  assert.throws(
    () => loadModel({ ...bert, problem_type: 'multi_label_classification' }),
    /problem_type "multi_label_classification" with 2 labels/,
  )
  assert.throws(
    () => loadModel({ ...bert, is_decoder: true }),
    /is_decoder true is not supported by bert; known: false/,
  )
  assert.throws(
    () => loadModel({ ...bert, num_attention_heads: 3 }),
    /a width of 8 does not divide into 3 attention heads/,
  )
  assert.throws(
    () => loadModel({ ...config, num_attention_heads: 4, num_key_value_heads: 3 }),
    /4 attention heads do not divide into 3 groups/,
  )
  const qwen = { ...config, model_type: 'qwen2', num_key_value_heads: 2, use_sliding_window: true }
  assert.throws(
    () => loadModel({ ...qwen, layer_types: ['chunked_attention'] }),
    /layer_types must say full_attention or sliding_attention for each of the 1 layers/,
  )
})

test('missing and misshapen tensors and those of further layers are named, the first eight of them', () => {
  const { shapes } = loadModel(config)
  const { 'model.norm.weight': _, ...rest } = shapes
  assert.throws(
    () => loadModel(config, { ...rest, 'lm_head.weight': [11, 9] }),
    /model\.norm\.weight is missing; lm_head\.weight is \[11,9\], config\.json says \[11,8\]/,
  )
  const deep = { ...config, num_hidden_layers: 3 }
  const names = Object.keys(loadModel(deep).shapes)
  assert.throws(
    () => loadModel(deep, {}),
    (error: Error) =>
      error.message.endsWith(`${names[7]} is missing; and ${names.length - 8} more`) &&
      names.slice(0, 8).every((name) => error.message.includes(`${name} is missing`)),
  )
  assert.throws(
    () => loadModel(config, loadModel(deep).shapes),
    /model\.layers\.1\.input_layernorm\.weight is of a layer that config\.json does not have/,
  )
})

test('tied embeddings need no lm_head, and both styles of rope configuration mean the same', async () => {
  await setBackend(BACKEND)
  assert.equal(loadModel({ ...config, tie_word_embeddings: true }).shapes['lm_head.weight'], undefined)
  const none = new Int32Array(3)
  const batch: Batch = {
    rows: 1,
    columns: 3,
    ids: none,
    mask: none,
    positions: Int32Array.of(0, 1, 5),
    labels: none,
    items: new Int32Array(1),
  }
  const cos = (extra: object) => {
    const { cosK0: cosK, ...others } = loadModel({ ...config, ...extra }).tables(batch)
    const values = cosK!.arraySync()
    tf.dispose([cosK, others])
    return values
  }
  assert.deepEqual(cos({ rope_theta: 500 }), cos({ rope_parameters: { rope_theta: 500, rope_type: 'default' } }))
})

const outputs = (model: Model, weights: Weights, batch: Batch): Float32Array => {
  const inputs = makeInputs(model, batch)
  const values = tf.tidy(() => forward(model, weights, inputs).dataSync()) as Float32Array
  disposeInputs(inputs)
  return values
}

test('old names of published files: gpt2 without its prefix, LayerNorm gamma and beta, buffers and copies of tied heads', async () => {
  const gpt2 = await openFixture('gpt2')
  const bare = Object.fromEntries(
    Object.entries(gpt2.post).map(([name, tensor]) => [name.replace('transformer.', ''), tensor]),
  )
  const weights: Weights = { ...bare, 'h.0.attn.bias': tf.ones([1, 1, 64, 64]), 'lm_head.weight': tf.ones([160, 32]) }
  const shapesOf = (all: Weights) => Object.fromEntries(Object.entries(all).map(([name, { shape }]) => [name, shape]))
  const model = loadModel(gpt2.config, shapesOf(weights))
  assert.deepEqual(outputs(model, weights, gpt2.batch('main')), outputs(gpt2.model, gpt2.post, gpt2.batch('main')))
  assert.ok(model.linear.includes('h.0.attn.c_attn.weight'))

  const bert = await openFixture('bert')
  const old = Object.fromEntries(
    Object.entries(bert.post).map(([name, tensor]) => [
      name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
      tensor,
    ]),
  )
  const aged = loadModel(bert.config, shapesOf(old))
  assert.ok('bert.embeddings.LayerNorm.gamma' in aged.shapes)
  assert.deepEqual(outputs(aged, old, bert.batch('main')), outputs(bert.model, bert.post, bert.batch('main')))
})

test('Qwen 3 normalises its query and key heads: their scale does not matter, their norms do', async () => {
  const { config: qwen2, post, batch } = await openFixture('qwen2')
  const { 'model.layers.0.self_attn.q_proj.bias': _, ...rest } = post
  const kept = Object.fromEntries(Object.entries(rest).filter(([name]) => !/[qkv]_proj\.bias/.test(name)))
  const norms = [0, 1].flatMap((layer) =>
    ['q', 'k'].map((part) => [`model.layers.${layer}.self_attn.${part}_norm.weight`, tf.ones([8])]),
  )
  const weights: Weights = { ...kept, ...Object.fromEntries(norms) }
  const model = loadModel({
    ...qwen2,
    model_type: 'qwen3',
    architectures: ['Qwen3ForCausalLM'],
    head_dim: 8,
    rms_norm_eps: 1e-12,
  })
  assert.deepEqual(Object.keys(model.shapes).sort(), Object.keys(weights).sort())
  const right = outputs(model, weights, batch('main'))
  const [q, norm] = ['model.layers.0.self_attn.q_proj.weight', 'model.layers.0.self_attn.q_norm.weight']
  assert.ok(worst(outputs(model, { ...weights, [q]: weights[q]!.mul(7) }, batch('main')), right) < 1e-5)
  const doubled = outputs(model, { ...weights, [norm]: weights[norm]!.mul(2) }, batch('main'))
  assert.ok(worst(doubled, right) > 1e-3)
  // Twice the query's norm is what twice the key's norm gives: only their product counts.
  const key = norm.replace('q_norm', 'k_norm')
  assert.ok(worst(outputs(model, { ...weights, [key]: weights[key]!.mul(2) }, batch('main')), doubled) < 1e-5)
})

test('CLIP as an image classifier: the mean of the patches, without the class token', async () => {
  const { config: clip, shapes, post, batch, reference } = await openFixture('clip')
  const model = loadModel(
    { ...clip, architectures: ['CLIPForImageClassification'] },
    { ...shapes, 'classifier.weight': [2, 48], 'classifier.bias': [2] },
  )
  // The first class looks at channel 5, the second at channel 7 (twice), one apart.
  const classifier = tf.tensor2d(
    Float32Array.from({ length: 96 }, (_, i) => (i === 5 ? 1 : i === 48 + 7 ? 2 : 0)),
    [2, 48],
  )
  const images = batch('main')
  const states = reference('cases.main.post.last_hidden_state')
  const mean = (row: number, channel: number) =>
    Array.from({ length: 16 }, (_, i) => states[(row * 17 + 1 + i) * 48 + channel]!).reduce((a, b) => a + b) / 16
  const right = Array.from({ length: images.rows }, (_, row) => [mean(row, 5) + 1, 2 * mean(row, 7) - 1]).flat()
  assert.ok(
    worst(
      outputs(model, { ...post, 'classifier.weight': classifier, 'classifier.bias': tf.tensor1d([1, -1]) }, images),
      right,
    ) < 1e-5,
  )
})

test('a window as long as the text changes nothing; layers choose theirs by layer_types or max_window_layers', async () => {
  const { config: qwen2, post, batch } = await openFixture('qwen2')
  const under = (extra: object) => outputs(loadModel({ ...qwen2, ...extra }), post, batch('main'))
  const full = under({})
  const window = { use_sliding_window: true, sliding_window: 4 }
  assert.deepEqual(
    under({ ...window, sliding_window: 64, layer_types: ['sliding_attention', 'sliding_attention'] }),
    full,
  )
  assert.deepEqual(under({ ...window, layer_types: ['full_attention', 'full_attention'] }), full)
  const second = under({ ...window, layer_types: ['full_attention', 'sliding_attention'] })
  assert.ok(worst(second, full) > 1e-3)
  assert.deepEqual(under({ ...window, layer_types: undefined, max_window_layers: 1 }), second)
  const { config: mistral, ...fixture } = await openFixture('mistral')
  const with_ = (extra: object) => outputs(loadModel({ ...mistral, ...extra }), fixture.post, fixture.batch('main'))
  const everywhere = with_({ layer_types: ['sliding_attention', 'sliding_attention'] })
  assert.deepEqual(everywhere, with_({}), 'without layer_types all of its layers have the window')
  assert.deepEqual(with_({ layer_types: ['full_attention', 'full_attention'] }), with_({ sliding_window: null }))
})

test('every fixture belongs to an architecture of the list, and every class has a model', async () => {
  const seen = new Set<string>()
  for (const name of NAMES) seen.add((await openFixture(name)).model.architecture)
  assert.deepEqual(
    architectures.map(({ name }) => name).filter((name) => !seen.has(name)),
    [
      'qwen3',
      'ministral',
      'gemma',
      'gemma3',
      'olmo3',
      'exaone',
      'internlm3',
      'iquestcoder',
      'xlm-roberta',
      'mt5',
      'siglip_vision_model',
      'siglip_text_model',
      'clip_vision_model',
      'clip_text_model',
    ],
    'no fixture here: those of fixtures/classes and configurations, of t5.test.ts and siglip.test.ts, and below',
  )
  const { config: clip, shapes } = await openFixture('clip')
  const image = loadModel(
    { ...clip, architectures: ['CLIPForImageClassification'] },
    { ...shapes, 'classifier.weight': [2, 48], 'classifier.bias': [2] },
  )
  assert.equal(image.outputs, 2)
  assert.equal(loadModel({ ...clip, architectures: ['CLIPVisionModelWithProjection'] }, shapes).objective, 'features')
  // A tower of its own leaves out the sizes that are ViT-B/32's.
  const tower = loadModel({ model_type: 'clip_vision_model', dropout: 0 })
  assert.deepEqual(tower.shapes['vision_model.encoder.layers.11.mlp.fc1.weight'], [3072, 768])
  assert.equal('visual_projection.weight' in tower.shapes, false)
  assert.equal(
    loadModel({ model_type: 'clip_text_model', architectures: ['CLIPTextModelWithProjection'] }).outputs,
    512,
  )
})

test('the language model of Gemma 3 with images, in either spelling, is that of its texts alone', async () => {
  const { config, post, base, batch, shapes } = await openFixture('gemma3')
  const right = outputs(loadModel(config, shapes), post, batch('main'))
  const { architectures: _, tie_word_embeddings: __, ...text_config } = config
  const whole = { model_type: 'gemma3', architectures: ['Gemma3ForConditionalGeneration'], text_config }
  for (const prefix of ['model.language_model.', 'language_model.model.']) {
    const named = (name: string) => name.replace(/^model\./, prefix)
    const weights = Object.fromEntries(Object.entries(post).map(([name, tensor]) => [named(name), tensor]))
    const tower = { 'vision_tower.vision_model.encoder.layers.0.layer_norm1.weight': [8] }
    const found = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [named(name), shape]))
    assert.deepEqual(outputs(loadModel(whole, { ...found, ...tower }), weights, batch('main')), right)
  }
  assert.throws(
    () => loadModel({ ...whole, text_config: { ...text_config, final_logit_softcapping: 30 } }),
    /final_logit_softcapping 30 is not supported by gemma3; known: null/,
  )
  tf.dispose([post, base])
})

test('a batch that a model cannot read is refused', async () => {
  const { model, batch } = await openFixture('vit')
  assert.throws(
    () => model.tables({ ...batch('main'), pixels: new Float32Array(5) }),
    /reads images \[3, 32, 32\]; got 5 values in 4 rows/,
  )
  const bert = await openFixture('bert')
  const texts = bert.batch('main')
  assert.throws(
    () => bert.model.tables({ ...texts, types: new Int32Array(texts.ids.length).fill(2) }),
    /segment 2 of a pair \(token_type_ids\), and the model has 2 \(type_vocab_size in config.json\)/,
  )
})
