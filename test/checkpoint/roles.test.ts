// Roles of the tensors of every model family, and the patterns that select them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  isBatch,
  isLinear,
  isMatrix,
  layerOf,
  matricesOf,
  type Role,
  roleOf,
  selectTensors,
} from '../../src/checkpoint/index.js'

const models: Record<string, { tensors: Record<string, number[]>; linear: string[] }> = JSON.parse(
  readFileSync('test/fixtures/models/names.json', 'utf8'),
)
const list = (model: string) => Object.entries(models[model]!.tensors).map(([name, shape]) => ({ name, shape }))

test('the matrices of attention and MLP are those the fixtures list (CLIP lists its vision tower only)', () => {
  for (const [model, { tensors, linear }] of Object.entries(models)) {
    const found = Object.entries(tensors)
      .filter(([name, shape]) => isLinear(name, shape))
      .map(([name]) => name)
    assert.deepEqual(found.filter((name) => !name.startsWith('text_model.')).sort(), [...linear].sort(), model)
  }
})

test('roles of names that are easy to confuse', () => {
  const expected: [string, Role][] = [
    ['model.embed_tokens.weight', 'embedding'],
    ['transformer.wpe.weight', 'embedding'],
    ['mask_decoder.iou_token.weight', 'embedding'],
    ['mask_decoder.mask_tokens.weight', 'embedding'],
    ['encoder.relative_attention_bias_layer.bias_values.weight', 'embedding'],
    ['lm_heads.3.weight', 'head'],
    ['vit.embeddings.cls_token', 'embedding'],
    ['vision_model.embeddings.patch_embedding.weight', 'embedding'],
    ['bert.embeddings.LayerNorm.weight', 'norm'],
    ['model.layers.0.input_layernorm.weight', 'norm'],
    ['model.layers.0.self_attn.q_norm.weight', 'norm'],
    ['model.norm.weight', 'norm'],
    ['transformer.h.0.ln_1.bias', 'norm'],
    ['transformer.ln_f.weight', 'norm'],
    ['vision_model.pre_layrnorm.weight', 'norm'],
    ['bert.encoder.layer.0.attention.output.LayerNorm.weight', 'norm'],
    ['bert.encoder.layer.0.attention.output.dense.weight', 'attention'],
    ['bert.encoder.layer.0.output.dense.weight', 'mlp'],
    ['vit.encoder.layer.0.attention.attention.key.weight', 'attention'],
    ['transformer.h.0.attn.c_proj.weight', 'attention'],
    ['transformer.h.0.mlp.c_proj.weight', 'mlp'],
    ['model.layers.0.self_attn.q_proj.bias', 'bias'],
    ['lm_head.weight', 'head'],
    ['score.weight', 'head'],
    ['classifier.out_proj.weight', 'head'],
    ['cls.predictions.transform.dense.weight', 'head'],
    ['logit_scale', 'other'],
    ['model.layers.0.block_sparse_moe.experts.3.w1.weight', 'mlp'],
    ['decoder.block.0.layer.1.EncDecAttention.q.weight', 'attention'],
    ['model.layers.61.shared_head.head.weight', 'head'],
    ['funnel.encoder.blocks.0.0.attention.q_head.weight', 'attention'],
    ['model.layers.0.mlp.experts.gate_up_proj_bias', 'bias'],
    ['encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight', 'embedding'],
    ['model.decoder.project_in.weight', 'other'],
  ]
  for (const [name, role] of expected) assert.equal(roleOf(name, [4, 4]), role, name)
})

test('every tensor of the fixtures has a role, but for CLIP’s temperature', () => {
  const others = Object.keys(models).flatMap((model) =>
    list(model).filter(({ name, shape }) => roleOf(name, shape) === 'other'),
  )
  assert.deepEqual(
    others.map(({ name }) => name),
    ['logit_scale'],
  )
})

test('a gate with a row for each expert is a router, one with a row for each channel is not', () => {
  assert.equal(roleOf('model.layers.0.mlp.gate.weight', [8, 64]), 'router')
  assert.equal(roleOf('model.layers.0.mlp.gate.weight', [256, 64]), 'mlp')
})

test('batches of matrices are the experts of one tensor; kernels and tables of three dimensions are none', () => {
  const shape = [4, 32, 48]
  for (const name of [
    'model.layers.0.mlp.experts.gate_up_proj',
    'model.layers.0.block_sparse_moe.input_linear.weight',
  ]) {
    assert.ok(isBatch(name, shape) && isLinear(name, shape), name)
    assert.equal(matricesOf({ name, shape }), 4)
  }
  for (const name of [
    'model.encoder.conv1.weight',
    'vit.embeddings.position_embeddings',
    'transformer.layer.0.rel_attn.q',
  ])
    assert.ok(!isBatch(name, shape), name)
  assert.ok(!isBatch('layers.0.attention.query.weight', [32, 48, 1]), 'a kernel of width 1')
  const bias = 'model.layers.0.mlp.experts.gate_up_proj_bias'
  assert.deepEqual(
    [isBatch(bias, [4, 48]), isMatrix(bias, [4, 48]), isLinear(bias, [4, 48])],
    [true, false, false],
    'the biases of experts are vectors',
  )
  assert.ok(
    isMatrix('model.layers.0.mlp.experts.gate_up_proj', shape) &&
      isMatrix('lm_head.weight', [4, 4]) &&
      !isMatrix('model.norm.weight', [4]),
  )
})

test('layers', () => {
  const names = [
    'model.layers.11.mlp.up_proj.weight',
    'transformer.h.3.ln_1.bias',
    'bert.encoder.layer.0.output.dense.weight',
    'lm_head.weight',
  ]
  assert.deepEqual(names.map(layerOf), [11, 3, 0, null])
})

test('patterns: all by default, globs, roles, linear, exclusions', () => {
  const llama = list('llama3')
  assert.equal(selectTensors(llama, {}).length, 30)
  assert.deepEqual(selectTensors(llama, { include: ['*.1.*up*'] }), ['model.layers.1.mlp.up_proj.weight'])
  assert.deepEqual(
    selectTensors(llama, { include: ['linear'] }),
    llama.map(({ name }) => name).filter((name) => models.llama3!.linear.includes(name)),
  )
  assert.deepEqual(selectTensors(llama, { include: ['role:head', 'model.norm.weight'] }), [
    'lm_head.weight',
    'model.norm.weight',
  ])
  assert.equal(selectTensors(llama, { include: ['linear'], exclude: ['*.0.*', 'role:attention'] }).length, 6)
  assert.deepEqual(
    selectTensors(
      [
        { name: 'a', shape: [1], dtype: 'I64' },
        { name: 'b', shape: [1], dtype: 'F32' },
      ],
      {},
    ),
    ['b'],
  )
  assert.deepEqual(
    selectTensors(
      [
        { name: 'a.b', shape: [1] },
        { name: 'axb', shape: [1] },
      ],
      { include: ['a.b'] },
    ),
    ['a.b'],
    'a dot is a dot',
  )
})

// torch.nn.BatchNorm2d of torch 2.13.0: running_mean and running_var are buffers; named_parameters leaves them out.
test('statistics of batch norms are chosen only where a pattern includes them', () => {
  const tensors = ['bn.running_mean', 'bn.running_var', 'bn.weight'].map((name) => ({ name, shape: [2], dtype: 'F32' }))
  assert.deepEqual(selectTensors(tensors, {}), ['bn.weight'])
  assert.deepEqual(selectTensors(tensors, { exclude: ['*running_mean'] }), ['bn.weight'])
  assert.deepEqual(selectTensors(tensors, { include: ['*running_mean'] }), ['bn.running_mean'])
})

test('a pattern that matches nothing is an error with the nearest', () => {
  const llama = list('llama3')
  assert.throws(
    () => selectTensors(llama, { include: ['model.layer.1.mlp.up_proj.weight'] }),
    /matches no tensor; nearest names: model.layers.1.mlp.up_proj.weight/,
  )
  assert.throws(() => selectTensors(llama, { exclude: ['role:atention'] }), /did you mean "role:attention"/)
  assert.throws(() => selectTensors(llama, { include: ['role:bias'] }), /this model has no tensor of that role/)
  assert.throws(() => selectTensors(llama, { include: ['linear'], exclude: ['*'] }), /no tensor is left/)
  assert.throws(() => selectTensors([{ name: 'a', shape: [1] }], { include: ['linear'] }), /"linear" matches no tensor/)
})
