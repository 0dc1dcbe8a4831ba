// Names of modules in memory: every tensor of a few model_types against those that transformers 5.18 and 5.24 give.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { memoryName, memoryNames, noteNames } from '../../src/naming/index.js'

const names = JSON.parse(readFileSync('test/fixtures/extract/names.json', 'utf8')) as Record<
  string,
  Record<string, string>
>

test('the names in memory of what files hold, and of what already has them', () => {
  assert.ok(Object.keys(names).length > 20)
  for (const [type, pairs] of Object.entries(names)) {
    for (const [file, memory] of Object.entries(pairs)) {
      assert.equal(memoryName(file, { model_type: type }), memory, type)
      assert.equal(memoryName(memory, { model_type: type }), memory, type)
    }
  }
})

test('what is the same in every version has no note, what is not has one', () => {
  assert.equal(noteNames(['model.layers.0.self_attn.q_proj.weight'], { model_type: 'llama' }), null)
  assert.match(
    noteNames(['vit.encoder.layer.0.attention.attention.query.weight'], { model_type: 'vit' })!,
    /vit\.layers\.0\.attention\.q_proj\.weight, not vit\.encoder.*version 4 does not find them/,
  )
  assert.equal(noteNames(['vit.layers.0.attention.q_proj.weight'], { model_type: 'vit' }), null)
  assert.match(noteNames([], { model_type: 'pixio' })!, /by a rule that is not known here/)
})

test('a model without its head does not stand below `model`', () => {
  const file = 'language_model.model.layers.0.mlp.up_proj.weight'
  const named = (architecture: string) =>
    memoryNames([file], { model_type: 'internvl', architectures: [architecture] })(file)
  assert.equal(named('InternVLModel'), 'language_model.layers.0.mlp.up_proj.weight')
  assert.equal(named('InternVLForConditionalGeneration'), 'model.language_model.layers.0.mlp.up_proj.weight')
  // As transformers 5.18 saves speech models.
  assert.equal(
    memoryName('language_model.model.model.norm.weight', { model_type: 'voxtral' }),
    'model.language_model.norm.weight',
  )
  assert.equal(
    memoryName('vision_model.vision_model.post_layernorm.bias', { model_type: 'clip' }),
    'vision_model.post_layernorm.bias',
  )
})

// As revert_weight_conversion of transformers 5.18.0 turns the names in memory back, of DETR on a ResNet of transformers and of TrOCR's class.
test('names of DETR, and of a model of two others, whose parts have the names of their own types', () => {
  const pair = {
    model_type: 'vision-encoder-decoder',
    encoder: { model_type: 'vit' },
    decoder: { model_type: 'bert' },
  }
  for (const [config, file, memory] of [
    [{ model_type: 'detr' }, 'model.backbone.conv_encoder.model.embedder', 'model.backbone.model.embedder'],
    [{ model_type: 'detr' }, 'model.encoder.layers.0.self_attn.out_proj', 'model.encoder.layers.0.self_attn.o_proj'],
    [{ model_type: 'detr' }, 'model.decoder.layers.1.fc2', 'model.decoder.layers.1.mlp.fc2'],
    [{ model_type: 'deformable_detr' }, 'model.encoder.layers.0.fc1', 'model.encoder.layers.0.mlp.fc1'],
    ...[
      ['sa_qcontent_proj', 'self_attn.q_content_proj'],
      ['sa_kpos_proj', 'self_attn.k_pos_proj'],
      ['sa_v_proj', 'self_attn.v_proj'],
      ['ca_qpos_sine_proj', 'encoder_attn.q_pos_sine_proj'],
      ['ca_v_proj', 'encoder_attn.v_proj'],
    ].map(
      ([from, to]) =>
        [{ model_type: 'conditional_detr' }, `model.decoder.layers.0.${from}`, `model.decoder.layers.0.${to}`] as const,
    ),
    [pair, 'encoder.encoder.layer.0.attention.attention.query', 'encoder.layers.0.attention.q_proj'],
    [pair, 'encoder.encoder.layer.0.output.dense', 'encoder.layers.0.mlp.fc2'],
    [pair, 'decoder.bert.encoder.layer.0.output.dense', 'decoder.bert.encoder.layer.0.output.dense'],
  ] as const) {
    assert.equal(memoryName(`${file}.weight`, config), `${memory}.weight`)
    assert.equal(memoryName(`${memory}.weight`, config), `${memory}.weight`)
  }
})
