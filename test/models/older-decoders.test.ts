// What GPT-NeoX, OPT and Falcon refuse by name, and the biases of ALiBi in long texts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alibi } from '../../src/models/alibi.js'
import { loadModel } from '../../src/models/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { textBatch } from './fixture.js'

const sizes = { hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 4, vocab_size: 11 }
const neox = { ...sizes, model_type: 'gpt_neox', intermediate_size: 8 }
const falcon = { ...sizes, model_type: 'falcon' }

test('keys that change the arithmetic, and of which the reference makes no model, are named', () => {
  const cases: [config: Record<string, unknown>, message: RegExp][] = [
    [
      { ...falcon, n_head: 4 },
      /n_head is a key of Falcon's first code, not of transformers; known: num_attention_heads/,
    ],
    [
      { ...falcon, new_decoder_architecture: true, parallel_attn: false },
      /parallel_attn false is not supported by falcon/,
    ],
    [{ ...falcon, num_ln_in_parallel_attn: 2 }, /num_ln_in_parallel_attn 2 is not supported by falcon without/],
    [
      { ...falcon, new_decoder_architecture: true, num_ln_in_parallel_attn: 3 },
      /num_ln_in_parallel_attn 3 .*known: 1, 2/,
    ],
    [{ ...falcon, new_decoder_architecture: true, num_kv_heads: 3 }, /num_kv_heads 3 .* with 4 attention heads/],
    [{ ...falcon, multi_query: false, num_kv_heads: 2 }, /num_kv_heads 2 .* with 4 attention heads/],
    [
      { ...falcon, apply_residual_connection_post_layernorm: true },
      /apply_residual_connection_post_layernorm true is not/,
    ],
    [{ ...falcon, hidden_size: 18 }, /a width of 18 does not divide into 4 attention heads/],
    [{ ...neox, partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5 is not supported by gpt_neox; known: 0.25/],
    [{ ...neox, rope_theta: 500 }, /rope_theta 500 is not supported by gpt_neox; known: 10000/],
    [{ ...neox, head_dim: 8 }, /head_dim 8 is not supported by gpt_neox; known: 4/],
    [
      { ...neox, rotary_pct: 0.75, rope_scaling: { rope_type: 'yarn', factor: 2 } },
      /rope type yarn turns an even number of a head's entries, and here they are 3/,
    ],
    [{ ...falcon, model_type: 'RefinedWebModel', architectures: ['RWForCausalLM'] }, /RefinedWebModel.*cannot be run/],
  ]
  for (const [config, message] of cases) assert.throws(() => loadModel(config), message)
})

test('what is not written has the default of the configuration class', () => {
  const of = (model_type: string, architectures: string[]) => loadModel({ model_type, architectures }).shapes
  const neoX = of('gpt_neox', ['GPTNeoXForCausalLM'])
  assert.deepEqual(neoX['embed_out.weight'], [50432, 6144])
  assert.deepEqual(neoX['gpt_neox.layers.43.mlp.dense_h_to_4h.bias'], [24576])
  assert.deepEqual(of('opt', ['OPTModel'])['model.decoder.embed_positions.weight'], [2050, 768])
  assert.deepEqual(
    of('falcon', ['FalconForCausalLM'])['transformer.h.31.self_attention.query_key_value.weight'],
    [4672, 4544],
  )
})

test('ALiBi is rounded to bfloat16 twice, as the reference rounds it, and padding on the left is not counted', async () => {
  await setBackend(BACKEND)
  const columns = 1400
  const mask = [Array.from({ length: columns }, (_, i) => (i < 3 ? 0 : 1))]
  const biases = (heads: number) => {
    const tensor = alibi(heads, 1)(textBatch({ input_ids: mask, attention_mask: mask }))
    const values = tensor.dataSync()
    tensor.dispose()
    return (head: number, column: number) => values[head * columns + column]
  }
  // Of build_alibi_tensor of transformers 5.24.0.
  const twelve = biases(12)
  assert.deepEqual(
    [twelve(8, 303), twelve(8, 1399), twelve(11, 704), twelve(11, 1002), twelve(2, 704)],
    [212.0, 984.0, 61.75, 88.5, 87.5],
  )
  const many = biases(32)
  assert.deepEqual(
    [4, 303, 704, 1002, 1399].map((column) => many(0, column)),
    [0.83984375, 252.0, 588.0, 840.0, 1168.0],
  )
})
