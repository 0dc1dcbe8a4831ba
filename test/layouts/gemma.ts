// Gemma 2 and 3 as they are published, with tiny sizes.
import { type Config, type Layout, type Shapes, tokenizerFiles } from './layout.js'
import { affine, all, EMPTY, INNER, twice, WIDTH } from './parts.js'

const gemma2Config: Config = {
  architectures: ['Gemma2ForCausalLM'],
  attention_bias: false,
  attn_logit_softcapping: '50.0f',
  bos_token_id: 2,
  cache_implementation: 'hybrid',
  eos_token_id: 1,
  final_logit_softcapping: '30.0f',
  head_dim: 8,
  hidden_activation: 'gelu_pytorch_tanh',
  hidden_size: WIDTH,
  intermediate_size: INNER,
  model_type: 'gemma2',
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
  torch_dtype: 'float32',
  vocab_size: 1059,
}
const gemmaLayer = (at: string, norms: string[]): Shapes => {
  const sides = { q: [32, WIDTH], k: [16, WIDTH], v: [16, WIDTH], o: [WIDTH, 32] }
  return {
    ...Object.fromEntries(Object.entries(sides).map(([name, shape]) => [`${at}self_attn.${name}_proj.weight`, shape])),
    ...Object.fromEntries(['gate', 'up'].map((name) => [`${at}mlp.${name}_proj.weight`, [INNER, WIDTH]])),
    [`${at}mlp.down_proj.weight`]: [WIDTH, INNER],
    ...Object.fromEntries(norms.map((name) => [`${at}${name}.weight`, [name.startsWith('self_attn') ? 8 : WIDTH]])),
  }
}
const gemmaNorms = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
]
const gemma2Shapes = all(
  { 'model.embed_tokens.weight': [1059, WIDTH] },
  twice((i) => gemmaLayer(`model.layers.${i}.`, gemmaNorms)),
  { 'model.norm.weight': [WIDTH] },
)
export const gemmaTokens = {
  ...tokenizerFiles('llama2-bpe'),
  'tokenizer.model': EMPTY,
  'special_tokens_map.json': '{}',
}
const gemma2: Layout = {
  task: 'text',
  base: {
    repo: 'google/gemma-2-2b',
    config: gemma2Config,
    shapes: gemma2Shapes,
    storage: [{ kind: 'safetensors', shards: 3 }],
    files: { ...gemmaTokens, 'generation_config.json': { bos_token_id: 2, eos_token_id: 1 } },
  },
  post: {
    repo: 'google/gemma-2-2b-it',
    config: { ...gemma2Config, eos_token_id: [1, 107], torch_dtype: 'bfloat16' },
    shapes: gemma2Shapes,
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 2 }],
    files: { ...gemmaTokens, 'generation_config.json': { bos_token_id: 2, eos_token_id: [1, 107] } },
  },
}

const {
  architectures: _,
  model_type: __,
  attn_logit_softcapping: ___,
  final_logit_softcapping: ____,
  ...gemma3Text
} = gemma2Config
const gemma3Config: Config = {
  architectures: ['Gemma3ForConditionalGeneration'],
  boi_token_index: 255999,
  eoi_token_index: 256000,
  eos_token_id: [1, 106],
  image_token_index: 262144,
  initializer_range: 0.02,
  mm_tokens_per_image: 4,
  model_type: 'gemma3',
  text_config: {
    ...gemma3Text,
    model_type: 'gemma3_text',
    rope_scaling: { factor: 8.0, rope_type: 'linear' },
    sliding_window: 1024,
  },
  torch_dtype: 'bfloat16',
  vision_config: {
    hidden_size: WIDTH,
    image_size: 16,
    intermediate_size: INNER,
    model_type: 'siglip_vision_model',
    num_attention_heads: 4,
    num_hidden_layers: 2,
    patch_size: 4,
    vision_use_head: false,
  },
}
const tower = 'vision_tower.vision_model.'
const gemma3Shapes = all(
  { 'language_model.model.embed_tokens.weight': [1059, WIDTH] },
  twice((i) =>
    gemmaLayer(`language_model.model.layers.${i}.`, [...gemmaNorms, 'self_attn.q_norm', 'self_attn.k_norm']),
  ),
  { 'language_model.model.norm.weight': [WIDTH] },
  {
    'multi_modal_projector.mm_input_projection_weight': [WIDTH, WIDTH],
    'multi_modal_projector.mm_soft_emb_norm.weight': [WIDTH],
  },
  affine(`${tower}embeddings.patch_embedding`, WIDTH, 3, 4, 4),
  { [`${tower}embeddings.position_embedding.weight`]: [16, WIDTH] },
  twice((i) => {
    const at = `${tower}encoder.layers.${i}.`
    return all(
      ...['k_proj', 'q_proj', 'v_proj', 'out_proj'].map((name) => affine(`${at}self_attn.${name}`, WIDTH, WIDTH)),
      affine(`${at}layer_norm1`, WIDTH),
      affine(`${at}layer_norm2`, WIDTH),
      affine(`${at}mlp.fc1`, INNER, WIDTH),
      affine(`${at}mlp.fc2`, WIDTH, INNER),
    )
  }),
  affine(`${tower}post_layernorm`, WIDTH),
)
const gemma3Files = {
  ...gemmaTokens,
  'added_tokens.json': '{}',
  'chat_template.json': { chat_template: '{{ messages }}' },
  'preprocessor_config.json': { image_processor_type: 'Gemma3ImageProcessor' },
  'processor_config.json': { image_seq_length: 4, processor_class: 'Gemma3Processor' },
  'generation_config.json': { bos_token_id: 2, eos_token_id: [1, 106] },
}
const gemma3: Layout = {
  task: 'text',
  base: {
    repo: 'google/gemma-3-4b-pt',
    config: gemma3Config,
    shapes: gemma3Shapes,
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 2 }],
    files: gemma3Files,
  },
  post: {
    repo: 'google/gemma-3-4b-it',
    config: gemma3Config,
    shapes: gemma3Shapes,
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 2 }],
    files: gemma3Files,
  },
}

export const gemmas: readonly Layout[] = [gemma2, gemma3]
