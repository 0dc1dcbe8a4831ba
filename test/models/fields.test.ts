// No field of a decoder's configuration class is passed over: each is read, or refused, or of training or generation alone.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { architectures, loadModel } from '../../src/models/index.js'
import { FIXTURES } from './fixture.js'

/** By model_type, the fields of the classes of transformers 4.57.6 and 5.24.0 (make/fields.py). */
const fields = JSON.parse(readFileSync(`${FIXTURES}fields.json`, 'utf8')) as Record<string, string[]>

/** Fields that change no output of a model that is evaluated. */
const HARMLESS = new RegExp(
  [
    '_token_id$', // of generation; the padding token is that of classifiers alone
    '^use_cache$',
    '^init',
    'drop(out)?$|_dropout$|_pdrop$|^layerdrop$|^router_jitter_noise$', // training
    '^pretraining_tp$|^reorder_and_upcast_attn$', // the same sums in another order
    '^summary_', // a head that is not one of ours
  ].join('|'),
)

/** Fields that the class has and its model does not use, and a spelling that no version reads. */
const UNUSED: Record<string, string[]> = {
  falcon: ['multi_query'], // of the first architecture
  gemma: ['hidden_activation'],
  gemma3_text: ['attn_logit_softcapping'],
  gpt_neox: ['is_decoder'],
  qwen2_moe: ['router_aux_loss_coef'],
  qwen3_moe: ['router_aux_loss_coef'],
  mixtral: ['router_aux_loss_coef'],
}

const base = {
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  vocab_size: 11,
}

/** What switches on that further fields are read. */
const WINDOW = { use_sliding_window: true, sliding_window: 3, max_window_layers: 0 }
const ON: Record<string, object> = {
  gpt2: { n_embd: 8, n_layer: 2, n_head: 2 },
  qwen2: WINDOW,
  qwen3: WINDOW,
  qwen2_moe: { ...WINDOW, max_window_layers: 2 },
  qwen3_moe: { ...WINDOW, mlp_only_layers: [0] },
  smollm3: { ...WINDOW, no_rope_layer_interval: 1 },
  falcon: { new_decoder_architecture: true, parallel_attn: true, num_kv_heads: 1 },
}

const known = architectures.map(({ name }) => name)
for (const [type, names] of Object.entries(fields).filter(([name]) => known.includes(name))) {
  test(`${type}: every field of its class is read, or refused by name`, () => {
    const config = { ...base, num_key_value_heads: 1, model_type: type, ...ON[type] }
    loadModel(config)
    const passed = names.filter((name) => {
      try {
        loadModel({ ...config, [name]: [[]] })
        return true
      } catch (error) {
        assert.match((error as Error).message, new RegExp(name))
        return false
      }
    })
    const harmless = names.filter((name) => HARMLESS.test(name))
    assert.deepEqual(
      passed.filter((name) => !harmless.includes(name)),
      UNUSED[type] ?? [],
    )
  })
}

test('a field by which other decoders compute otherwise is refused where its class does not know it', () => {
  const llama = { ...base, model_type: 'llama' }
  for (const [key, value] of Object.entries({
    is_causal: false,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    logits_scaling: 8,
    embedding_multiplier: 12,
    residual_multiplier: 0.22,
    use_qk_norm: true,
    clip_qkv: 8,
    no_rope_layers: [1, 0],
    use_bidirectional_attention: true,
  }))
    assert.throws(() => loadModel({ ...llama, [key]: value }), new RegExp(`${key} .* is not supported by llama`))
  loadModel({ ...llama, final_logit_softcapping: null, logits_scaling: 1, use_qk_norm: false, is_causal: true })
})
