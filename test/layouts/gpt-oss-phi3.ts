// gpt-oss and Phi-3 as they are published, with tiny sizes; gpt-oss is inspected, edited, merged and extracted, and not run.

import { gemmaTokens } from './gemma.js'
import { type Config, type Layout, type Shapes, tokenizerFiles } from './layout.js'
import { affine, all, EMPTY, INNER, twice, WIDTH } from './parts.js'
import { draw, type Tensor } from './write.js'

const sampled = (eos: unknown) => ({
  bos_token_id: 903,
  do_sample: true,
  eos_token_id: eos,
  temperature: 0.6,
  top_p: 0.9,
})

const gptOssConfig: Config = {
  architectures: ['GptOssForCausalLM'],
  attention_bias: true,
  attention_dropout: 0.0,
  eos_token_id: 905,
  experts_per_token: 2,
  head_dim: 8,
  hidden_act: 'silu',
  hidden_size: WIDTH,
  initial_context_length: 4096,
  intermediate_size: WIDTH,
  layer_types: ['sliding_attention', 'full_attention'],
  max_position_embeddings: 131072,
  model_type: 'gpt_oss',
  num_attention_heads: 4,
  num_experts_per_tok: 2,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  num_local_experts: 4,
  output_router_logits: false,
  pad_token_id: 904,
  quantization_config: {
    modules_to_not_convert: ['model.layers.*.self_attn', 'model.layers.*.mlp.router', 'model.embed_tokens', 'lm_head'],
    quant_method: 'mxfp4',
  },
  rms_norm_eps: 1e-5,
  rope_scaling: {
    beta_fast: 32.0,
    beta_slow: 1.0,
    factor: 32.0,
    original_max_position_embeddings: 4096,
    rope_type: 'yarn',
    truncate: false,
  },
  rope_theta: 150000,
  router_aux_loss_coef: 0.9,
  sliding_window: 128,
  swiglu_limit: 7.0,
  tie_word_embeddings: false,
  transformers_version: '4.55.0.dev0',
  use_cache: true,
  vocab_size: 908,
}
const ossLayer = (at: string): Shapes =>
  all(
    affine(`${at}self_attn.q_proj`, 32, WIDTH),
    affine(`${at}self_attn.k_proj`, 16, WIDTH),
    affine(`${at}self_attn.v_proj`, 16, WIDTH),
    affine(`${at}self_attn.o_proj`, WIDTH, 32),
    affine(`${at}mlp.router`, 4, WIDTH),
    {
      [`${at}self_attn.sinks`]: [4],
      [`${at}input_layernorm.weight`]: [WIDTH],
      [`${at}post_attention_layernorm.weight`]: [WIDTH],
    },
    { [`${at}mlp.experts.gate_up_proj_bias`]: [4, 2 * WIDTH], [`${at}mlp.experts.down_proj_bias`]: [4, WIDTH] },
  )
const ossShared = all(
  { 'model.embed_tokens.weight': [908, WIDTH] },
  twice((i) => ossLayer(`model.layers.${i}.`)),
  { 'model.norm.weight': [WIDTH], 'lm_head.weight': [908, WIDTH] },
)
const ossExperts = twice((i) => ({
  [`model.layers.${i}.mlp.experts.gate_up_proj`]: [4, WIDTH, 2 * WIDTH],
  [`model.layers.${i}.mlp.experts.down_proj`]: [4, WIDTH, WIDTH],
}))
/** Codes of four bits, and a power of two for every 32 of them. */
const packed = (name: string, rows: number): Tensor[] => {
  const bytes = (count: number, from: number, span: number) =>
    Uint8Array.from(draw(name, count, 3), (x) => from + Math.floor(span * (x / 3 + 0.5)))
  return [
    { name: `${name}_blocks`, shape: [4, rows, 1, 16], dtype: 'U8', values: bytes(4 * rows * 16, 0, 256) },
    { name: `${name}_scales`, shape: [4, rows, 1], dtype: 'U8', values: bytes(4 * rows, 119, 4) },
  ]
}
const ossPacked = [0, 1].flatMap((i) => [
  ...packed(`model.layers.${i}.mlp.experts.gate_up_proj`, 2 * WIDTH),
  ...packed(`model.layers.${i}.mlp.experts.down_proj`, WIDTH),
])
const { quantization_config: ___, ...ossPlain } = gptOssConfig
const ossFiles = {
  ...tokenizerFiles('llama3-bpe'),
  'chat_template.jinja': '{{ messages }}',
  'special_tokens_map.json': '{}',
  'generation_config.json': sampled([905, 904]),
  LICENSE: 'Apache',
  USAGE_POLICY: '',
}
const gptOss: Layout = {
  task: 'text',
  base: {
    repo: 'openai/gpt-oss-20b',
    config: gptOssConfig,
    shapes: ossShared,
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 3 }],
    more: ossPacked,
    files: {
      ...ossFiles,
      'original/config.json': '{}',
      'original/model.safetensors': EMPTY,
      'original/dtypes.json': '{}',
      'metal/model.bin': EMPTY,
    },
  },
  post: {
    repo: 'unsloth/gpt-oss-20b-BF16',
    config: { ...ossPlain, torch_dtype: 'bfloat16' },
    shapes: all(ossShared, ossExperts),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 3 }],
    files: ossFiles,
  },
}

const phi3Config: Config = {
  architectures: ['Phi3ForCausalLM'],
  attention_bias: false,
  auto_map: { AutoConfig: 'configuration_phi3.Phi3Config', AutoModelForCausalLM: 'modeling_phi3.Phi3ForCausalLM' },
  bos_token_id: 1,
  embd_pdrop: 0.0,
  eos_token_id: 2,
  hidden_act: 'silu',
  hidden_size: WIDTH,
  intermediate_size: INNER,
  max_position_embeddings: 4096,
  model_type: 'phi3',
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 4,
  original_max_position_embeddings: 4096,
  pad_token_id: 2,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  sliding_window: 2047,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  vocab_size: 1059,
}
const phi3Shapes = all(
  { 'model.embed_tokens.weight': [1059, WIDTH] },
  twice((i) => {
    const at = `model.layers.${i}.`
    return {
      [`${at}self_attn.qkv_proj.weight`]: [96, WIDTH],
      [`${at}self_attn.o_proj.weight`]: [WIDTH, WIDTH],
      [`${at}mlp.gate_up_proj.weight`]: [2 * INNER, WIDTH],
      [`${at}mlp.down_proj.weight`]: [WIDTH, INNER],
      [`${at}input_layernorm.weight`]: [WIDTH],
      [`${at}post_attention_layernorm.weight`]: [WIDTH],
    }
  }),
  { 'model.norm.weight': [WIDTH], 'lm_head.weight': [1059, WIDTH] },
)
const phi3Files = {
  ...gemmaTokens,
  'added_tokens.json': '{}',
  'configuration_phi3.py': '',
  'modeling_phi3.py': '',
  'sample_finetune.py': '',
  LICENSE: 'MIT',
  'CODE_OF_CONDUCT.md': '',
  'NOTICE.md': '',
  'SECURITY.md': '',
  'generation_config.json': { bos_token_id: 1, eos_token_id: [2] },
}
const phi3: Layout = {
  task: 'text',
  base: {
    repo: 'microsoft/Phi-3-mini-4k-instruct',
    config: phi3Config,
    shapes: phi3Shapes,
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 2 }],
    files: phi3Files,
  },
  post: {
    repo: 'a fine-tune of Phi-3-mini',
    config: { ...phi3Config, _name_or_path: 'microsoft/Phi-3-mini-4k-instruct' },
    shapes: phi3Shapes,
    dtype: 'BF16',
    storage: [{ kind: 'safetensors' }],
    files: phi3Files,
  },
}

export const ossAndPhi: readonly Layout[] = [gptOss, phi3]
