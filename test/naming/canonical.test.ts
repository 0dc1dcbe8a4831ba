// One name for all spellings of a tensor, which no other tensor of the model has; buffers by name and shape.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonicalName, countWrappers, firstByName, isBuffer, isPassedOver, plainName } from '../../src/naming/index.js'

const names = JSON.parse(readFileSync('test/fixtures/extract/names.json', 'utf8')) as Record<
  string,
  Record<string, string>
>

test('names in files and in memory are one, and two tensors never are', () => {
  for (const [model_type, pairs] of Object.entries(names)) {
    const keys = Object.entries(pairs).map(([file, memory]) => {
      const key = canonicalName(file, { model_type })
      assert.equal(canonicalName(memory, { model_type }), key, `${model_type}: ${file}`)
      assert.equal(canonicalName(key, { model_type }), key, `${model_type}: ${key}`)
      return key
    })
    // A model with its head and one without it are both there.
    assert.ok(new Set(keys).size >= new Set(Object.values(pairs)).size / 2, model_type)
  }
})

for (const [type, ...spellings] of [
  ['gpt2', 'transformer.h.0.ln_1.weight', 'h.0.ln_1.weight'],
  ['llama', 'model.layers.0.mlp.up_proj.weight', 'layers.0.mlp.up_proj.weight'],
  ['bert', 'bert.embeddings.LayerNorm.weight', 'embeddings.LayerNorm.gamma', 'bert.embeddings.LayerNorm.gamma'],
  ['bert', 'cls.predictions.transform.LayerNorm.bias', 'cls.predictions.transform.LayerNorm.beta'],
  ['xlm-roberta', 'roberta.encoder.layer.0.output.dense.bias', 'encoder.layer.0.output.dense.bias'],
  ['distilbert', 'distilbert.transformer.layer.0.ffn.lin1.bias', 'transformer.layer.0.ffn.lin1.bias'],
  ['wav2vec2', 'wav2vec2.encoder.conv.weight_g', 'encoder.conv.parametrizations.weight.original0'],
  ['mixtral', 'model.layers.0.block_sparse_moe.gate.weight', 'layers.0.mlp.gate.weight'],
  [
    'vit',
    'vit.encoder.layer.3.attention.output.dense.bias',
    'vit.layers.3.attention.o_proj.bias',
    'layers.3.attention.o_proj.bias',
  ],
  ['clip_vision_model', 'vision_model.encoder.layers.0.mlp.fc1.bias', 'encoder.layers.0.mlp.fc1.bias'],
  ['clip', 'vision_model.encoder.layers.0.mlp.fc1.bias', 'vision_model.vision_model.encoder.layers.0.mlp.fc1.bias'],
  ['llava', 'language_model.model.norm.weight', 'model.language_model.norm.weight', 'language_model.norm.weight'],
  ['llava', 'language_model.lm_head.weight', 'lm_head.weight'],
  // A file of its language model alone.
  ['gemma3', 'language_model.model.layers.0.mlp.up_proj.weight', 'model.layers.0.mlp.up_proj.weight'],
  [
    'paligemma',
    'vision_tower.vision_model.embeddings.a.bias',
    'model.vision_tower.embeddings.a.bias',
    'model.vision_tower.vision_model.embeddings.a.bias',
  ],
  ['qwen2_5_vl', 'model.norm.weight', 'model.language_model.norm.weight', 'norm.weight'],
  ['qwen2_5_vl', 'visual.merger.ln_q.weight', 'model.visual.merger.ln_q.weight'],
  ['granite_speech', 'language_model.model.norm.weight', 'model.language_model.norm.weight'],
] as const)
  test(`${type}: ${spellings.join(' = ')}`, () => {
    assert.equal(new Set(spellings.map((name) => canonicalName(name, { model_type: type }))).size, 1)
  })

test('what trainers leave in a name', () => {
  assert.equal(plainName('_orig_mod.model.layers.0._orig_mod.mlp.weight', 0), 'model.layers.0.mlp.weight')
  assert.equal(plainName('module.model.norm.weight', 1), 'model.norm.weight')
  assert.equal(plainName('module.weight', 0), 'module.weight')
  assert.equal(plainName('model.layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.w', 0), 'model.layers.0.w')
})

test('modules of a trainer around a model', () => {
  const llama = ['model.layers.0.mlp.up_proj.weight', 'lm_head.weight']
  for (const [type, names, around, depth] of [
    ['llama', llama, '', 0],
    ['llama', llama.slice(0, 1), '', 0],
    ['llama', llama, 'model.', 1],
    ['llama', llama, 'policy.', 1],
    ['llama', llama, 'module.model._orig_mod.', 2],
    ['llama', llama, 'model.base_model.model.', 3],
    ['llama', ['layers.0.mlp.up_proj.weight', 'norm.weight'], '', 0],
    ['gpt2', ['transformer.h.0.ln_1.weight', 'transformer.wte.weight'], '', 0],
    ['gpt2', ['transformer.h.0.ln_1.weight', 'transformer.wte.weight'], 'net.', 1],
    ['gpt2', ['h.0.ln_1.weight', 'wte.weight'], 'model.', 1],
    ['bert', ['bert.pooler.dense.weight', 'classifier.weight'], 'model.', 1],
    ['bert', ['bert.pooler.dense.weight'], '', 0],
    ['bert', ['embeddings.LayerNorm.weight', 'pooler.dense.weight'], '', 0],
    ['data2vec-text', ['data2vec_text.pooler.dense.weight', 'classifier.weight'], 'net.', 1],
    ['t5', ['encoder.block.0.w', 'shared.weight'], 'model.', 1],
    ['t5', ['encoder.block.0.w'], '', 0],
    ['mamba', ['backbone.layers.0.mixer.D'], '', 0],
    ['opt', ['model.decoder.layers.0.fc1.weight'], '', 0],
    ['whisper', ['model.encoder.conv1.weight', 'model.decoder.layers.0.fc1.weight'], '', 0],
    ['siglip_vision_model', ['vision_model.head.probe'], '', 0],
    [undefined, ['transformer.h.0.ln_1.weight'], 'model.', 0],
    // Below modules of any name, where there is no head.
    ['llama', ['embed_tokens.weight', 'layers.0.mlp.up_proj.weight'], 'backbone.', 1],
    ['llama', ['embed_tokens.weight', 'layers.0.mlp.up_proj.weight'], 'model.', 0],
    ['qwen3', ['embed_tokens.weight', 'layers.0.mlp.up_proj.weight'], '0.auto_model.', 2],
    ['bert', ['embeddings.LayerNorm.weight', 'encoder.layer.0.w'], 'encoder.', 1],
    ['xlm-roberta', ['embeddings.LayerNorm.weight', 'encoder.layer.0.w'], '0.auto_model.', 2],
    ['opt', ['embed_tokens.weight', 'layers.0.fc1.weight'], 'decoder.', 0],
    ['dpr', ['embeddings.w', 'encoder.layer.0.w'], 'question_encoder.bert_model.', 0],
  ] as const) {
    const stored = names.map((name) => around + name)
    assert.equal(countWrappers(stored, type === undefined ? {} : { model_type: type }), depth, `${type} ${stored}`)
  }
  assert.equal(countWrappers(['n_averaged', ...llama.map((name) => `module.${name}`)], { model_type: 'llama' }), 1)
  // Code of its own, and parts, may mean a module of that name.
  const odd = ['language_model.model.norm.weight']
  assert.equal(countWrappers(odd, { model_type: 'llama' }), 1)
  assert.equal(countWrappers(odd, { model_type: 'llava', text_config: {} }), 0)
  const radio = ['radio_model.model.blocks.0.norm1.weight', 'radio_model.input_conditioner.norm_mean']
  assert.equal(countWrappers(radio, { model_type: 'radio' }), 0)
  assert.equal(countWrappers(odd, { model_type: 'llama', auto_map: {} }), 0)
})

test('names are read in the order of transformers: numbers before words, by their size', () => {
  const sorted = ['a.b', 'a.2.x', 'a.10.x', 'LayerNorm.weight', 'LayerNorm.gamma', 'a'].sort(firstByName)
  assert.deepEqual(sorted, ['LayerNorm.gamma', 'LayerNorm.weight', 'a', 'a.2.x', 'a.10.x', 'a.b'])
})

test('buffers are told from weights of the same name by their shape', () => {
  assert.ok(isBuffer('model.layers.0.self_attn.rotary_emb.inv_freq', [64]))
  assert.ok(isBuffer('model.freqs_cis', [64, 32]))
  assert.ok(isBuffer('h.0.attn.bias', [1, 1, 1024, 1024]) && isBuffer('transformer.h.0.attn.masked_bias', []))
  assert.ok(isBuffer('vision_model.embeddings.position_ids', [1, 50]))
  assert.ok(!isBuffer('h.0.attn.bias', [768]) && !isBuffer('encoder.relative_attention_bias.weight', [32, 8]))
  // The last two are of ERNIE-4.5 and Mistral Large 4.
  for (const name of ['mtp.fc.weight', 'model.mtp.layers.0.w', 'model.mtp_block.0.mlp.w', 'mtp_dspark.layers.0.w'])
    assert.ok(isPassedOver(name, null))
  assert.ok(!isPassedOver('model.norm.weight', null))
  const [own, further] = ['model.layers.60.mlp.w', 'model.layers.61.mlp.w']
  assert.deepEqual(
    [own, further].map((name) => isPassedOver(name, { num_hidden_layers: 61 })),
    [false, true],
  )
  assert.ok(!isPassedOver(further, {}) && !isPassedOver('vision_model.encoder.layers.61.w', { num_hidden_layers: 2 }))
  const parts = { num_hidden_layers: 80, text_config: { num_hidden_layers: 16 } }
  assert.ok(isPassedOver('model.language_model.layers.16.eh_proj.weight', parts))
})
