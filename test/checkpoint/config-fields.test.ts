// Two configs whose weights pair: the fields that may change what is computed are named with both values, others are not.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Checkpoint, configDifference } from '../../src/checkpoint/index.js'
import { LLAMA3, temporary } from './files.js'

const differ = (one: object, two: object): string | null =>
  configDifference({ folder: 'a', config: one } as Checkpoint, { folder: 'b', config: two } as Checkpoint)

test('fields that may change what is computed are named with both values', () => {
  for (const [one, two, said] of [
    [{ logit_scale: 1 }, { logit_scale: 0.5 }, 'logit_scale (1 and 0.5)'],
    [{ final_logit_softcapping: null }, { final_logit_softcapping: 30 }, 'final_logit_softcapping (null and 30)'],
    [
      { num_attention_heads: 4, sliding_window: 8 },
      { num_attention_heads: 8, sliding_window: 4 },
      'num_attention_heads (4 and 8), sliding_window (8 and 4)',
    ],
    [
      { hidden_act: 'gelu', layer_norm_eps: 1e-5 },
      { hidden_act: 'relu', layer_norm_eps: 1e-5 },
      'hidden_act ("gelu" and "relu")',
    ],
    [
      { output_multiplier: 1, _sliding_window_pattern: 4 },
      { output_multiplier: 2, _sliding_window_pattern: 6 },
      'output_multiplier (1 and 2), _sliding_window_pattern (4 and 6)',
    ],
    [
      { text_config: { rms_norm_eps: 1e-5 } },
      { text_config: { rms_norm_eps: 1e-6 } },
      'text_config.rms_norm_eps (0.00001 and 0.000001)',
    ],
    [
      { rope_theta: 1e4 },
      { rope_parameters: { rope_theta: 5e5, rope_type: 'default' } },
      'rope_parameters.rope_theta (10000 and 500000)',
    ],
    [
      { rope_theta: 1e4, rope_scaling: null },
      { rope_theta: 1e4, rope_scaling: { type: 'yarn', factor: 4 } },
      'rope_parameters.rope_type ("default" and "yarn")',
    ],
  ] as const)
    assert.equal(differ(one, two), `config.json of a and b differ in what a model may compute with: ${said}`)
})

test('names, storage, training, generation and labels are passed over, and the two forms of a rotation are one', () => {
  const one = {
    _name_or_path: 'a',
    torch_dtype: 'float32',
    transformers_version: '4',
    architectures: ['A'],
    use_cache: true,
    attention_dropout: 0,
    initializer_range: 1,
    eos_token_id: 1,
    id2label: { 0: 'x' },
    max_length: 20,
    attn_pdrop: 0,
    tie_word_embeddings: true,
    vocab_size: 5,
  }
  const two = {
    _name_or_path: 'b',
    torch_dtype: 'float16',
    transformers_version: '5',
    architectures: ['B'],
    use_cache: false,
    attention_dropout: 0.1,
    initializer_range: 2,
    eos_token_id: [1, 2],
    id2label: { 0: 'y' },
    max_length: 30,
    attn_pdrop: 0.1,
    tie_word_embeddings: false,
    vocab_size: 6,
  }
  assert.equal(differ(one, two), null)
  assert.equal(
    differ(
      { rope_theta: 1e4, rope_scaling: { type: 'linear', factor: 2 } },
      { rope_parameters: { rope_theta: 1e4, rope_type: 'linear', factor: 2 } },
    ),
    null,
  )
  assert.equal(
    differ({ rope_theta: 1e4 }, { rope_parameters: { rope_theta: 1e4, rope_type: 'default' }, head_dim: 4 }),
    null,
  )
  assert.equal(
    differ(
      { head_dim: null, vision_config: { model_type: 'a' } },
      { head_dim: 128, vision_config: { model_type: 'a_vision' } },
    ),
    null,
  )
  const parts = {
    full_attention: { rope_type: 'linear', rope_theta: 1e6, factor: 8 },
    sliding_attention: { rope_type: 'default', rope_theta: 1e4 },
  }
  assert.equal(
    differ({ rope_theta: 1e6, rope_scaling: { rope_type: 'linear', factor: 8 } }, { rope_parameters: parts }),
    null,
  )
})

test('edit and merge say it, and whose config.json is written', () => {
  const root = temporary()
  const [base, post] = ['base', 'post'].map((name) => join(root, name))
  for (const [name, to] of [
    ['base', base],
    ['post', post],
  ])
    cpSync(join(LLAMA3, name!), to!, { recursive: true })
  const path = join(post!, 'config.json')
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), rope_theta: 10000 }))
  const file = join(root, 'merge.yml')
  writeFileSync(
    file,
    `merge_method: linear\nbase_model: ${base}\nmodels: [{model: ${post}}]\nparameters: {weight: 1}\n`,
  )
  const run = (...words: string[]): string =>
    spawnSync(process.execPath, ['dist/bundle/cli/main.js', ...words], { encoding: 'utf8' }).stderr
  const said = 'differ in what a model may compute with: rope_parameters.rope_theta'
  assert.equal(
    run('edit', base!, post!, '--editor', 'expo', '--alpha', '0', '--out', join(root, 'edited')),
    `note: config.json of ${post} and ${base} ${said} (10000 and 500000); that of ${post} is written\n`,
  )
  assert.equal(
    run('merge', file, join(root, 'merged')),
    `note: config.json of ${base} and ${post} ${said} (500000 and 10000); that of ${base} is written\n`,
  )
  assert.equal(run('inspect', base!, post!), `note: config.json of ${base} and ${post} ${said} (500000 and 10000)\n`)
})
