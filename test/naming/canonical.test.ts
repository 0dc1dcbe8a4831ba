// One name for all spellings of a tensor, which no other tensor of the model has; buffers by name and shape.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonicalName, firstByName, isBuffer, isPassedOver, plainName } from '../../src/naming/index.js'

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
  assert.equal(plainName('_orig_mod.model.layers.0._orig_mod.mlp.weight', false), 'model.layers.0.mlp.weight')
  assert.equal(plainName('module.model.norm.weight', true), 'model.norm.weight')
  assert.equal(plainName('module.weight', false), 'module.weight')
  assert.equal(plainName('model.layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.w', false), 'model.layers.0.w')
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
  assert.ok(isPassedOver('mtp.fc.weight') && isPassedOver('model.mtp.layers.0.w') && !isPassedOver('model.norm.weight'))
})
