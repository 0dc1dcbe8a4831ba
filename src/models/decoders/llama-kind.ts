// Decoders that are Llamas to transformers since 5.24, with defaults of their own and the keys that their own code gave config.json.
import { UserError } from '../../errors/index.js'
import { type Config, isSet } from '../config.js'
import { decoder } from '../decoder.js'
import { llamaPage } from './llama.js'

/** The config with Llama's keys. @param keys own key → Llama's */
const underKeys = (config: Config, keys: Config): Config => ({
  ...config,
  ...Object.fromEntries(
    Object.entries(keys).flatMap(([own, key]) => (config[own] === undefined ? [] : [[key, config[own]]])),
  ),
})

export const exaone = decoder({
  name: 'exaone',
  classes: { start: 'Llama', own: 'ExaoneForCausalLM' },
  cite: 'LG AI Research 2024 (arXiv 2408.03541, 2412.04862)',
  defaults: {
    vocab_size: 102400,
    hidden_size: 4096,
    intermediate_size: 14336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
    pad_token_id: 0,
  },
  page: (config) =>
    llamaPage(
      underKeys(config, {
        num_layers: 'num_hidden_layers',
        layer_norm_epsilon: 'rms_norm_eps',
        activation_function: 'hidden_act',
      }),
    ),
})

export const internlm3 = decoder({
  name: 'internlm3',
  classes: { start: 'Llama', own: 'InternLM3ForCausalLM' },
  cite: 'Shanghai AI Laboratory 2025 (github.com/InternLM/InternLM)',
  defaults: {
    vocab_size: 128512,
    hidden_size: 4096,
    intermediate_size: 10240,
    num_hidden_layers: 48,
    num_attention_heads: 32,
    num_key_value_heads: 2,
    head_dim: 128,
    max_position_embeddings: 32768,
    rms_norm_eps: 1e-5,
    pad_token_id: 2,
  },
  page(written) {
    const config = underKeys(written, { qkv_bias: 'attention_bias', bias: 'mlp_bias' })
    const [attention, mlp] = ['attention_bias', 'mlp_bias'].map((key) => isSet(config, key, false))
    // Its own code has the bias of the output with those of the MLP; transformers refuses it.
    if (attention !== mlp)
      throw new UserError(`config.json: qkv_bias is ${attention} and bias is ${mlp}; internlm3 is read with both equal`)
    return llamaPage(config)
  },
})

export const iquestcoder = decoder({
  name: 'iquestcoder',
  classes: { start: 'Llama', own: 'IQuestCoderForCausalLM' },
  cite: 'IQuest Lab 2026 (github.com/IQuestLab/IQuest-Coder-V1)',
  defaults: {
    vocab_size: 76800,
    hidden_size: 5120,
    intermediate_size: 27648,
    num_hidden_layers: 80,
    num_attention_heads: 40,
    num_key_value_heads: 8,
    head_dim: 128,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-5,
  },
  usual: { use_sliding_window: false },
  page: llamaPage,
})
