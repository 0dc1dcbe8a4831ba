// GPT-2, Qwen and Mistral as they are published, with tiny sizes: file names and keys of config.json are those on the hub.
import { buffer, type Config, type Layout, shapesOf, tokenizerFiles } from './layout.js'
import { llama2Tokens, tiny } from './llama.js'
import { EMPTY } from './parts.js'

const pickled = { 'flax_model.msgpack': EMPTY, 'tf_model.h5': EMPTY, 'rust_model.ot': EMPTY }
const gpt2Config: Config = {
  activation_function: 'gelu_new',
  architectures: ['GPT2LMHeadModel'],
  attn_pdrop: 0.1,
  bos_token_id: 800,
  embd_pdrop: 0.1,
  eos_token_id: 800,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: 'gpt2',
  n_ctx: 64,
  n_embd: 32,
  n_head: 4,
  n_layer: 2,
  n_positions: 64,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: 'cls_index',
  summary_use_proj: true,
  task_specific_params: { 'text-generation': { do_sample: true, max_length: 50 } },
  vocab_size: 803,
}
const masks = [0, 1].map((layer) => buffer(`h.${layer}.attn.bias`, [1, 1, 64, 64], 1))
const gpt2: Layout = {
  task: 'text',
  base: {
    repo: 'openai-community/gpt2',
    config: gpt2Config,
    shapes: shapesOf(gpt2Config),
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    spell: (name) => name.replace('transformer.', ''),
    more: masks,
    files: {
      ...tokenizerFiles('qwen2-bpe', { model_max_length: 1024 }),
      'generation_config.json': {
        bos_token_id: 800,
        eos_token_id: 800,
        transformers_version: '4.26.0.dev0',
        _from_model_config: true,
      },
      'vocab.json': '{}',
      'merges.txt': '#version: 0.2\n',
      ...pickled,
      '64.tflite': EMPTY,
      'onnx/decoder_model.onnx': EMPTY,
      'onnx/config.json': '{}',
    },
  },
  post: {
    repo: 'a Trainer run on gpt2',
    config: {
      ...gpt2Config,
      _name_or_path: 'gpt2',
      reorder_and_upcast_attn: false,
      torch_dtype: 'float32',
      transformers_version: '4.41.2',
      use_cache: true,
    },
    shapes: shapesOf(gpt2Config),
    storage: [{ kind: 'safetensors' }],
    files: {
      ...tokenizerFiles('qwen2-bpe', {
        add_prefix_space: false,
        bos_token: '<|endoftext|>',
        eos_token: '<|endoftext|>',
        unk_token: '<|endoftext|>',
        tokenizer_class: 'GPT2Tokenizer',
      }),
      'special_tokens_map.json': { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
      'training_args.bin': EMPTY,
      'trainer_state.json': '{}',
      'optimizer.pt': EMPTY,
      'scheduler.pt': EMPTY,
      'rng_state.pth': EMPTY,
    },
  },
}

const qwen25Config: Config = {
  architectures: ['Qwen2ForCausalLM'],
  attention_dropout: 0.0,
  bos_token_id: 800,
  eos_token_id: 800,
  hidden_act: 'silu',
  initializer_range: 0.02,
  max_position_embeddings: 256,
  max_window_layers: 24,
  model_type: 'qwen2',
  ...tiny,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 256,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  transformers_version: '4.40.1',
  use_cache: true,
  use_mrope: false,
  use_sliding_window: false,
  vocab_size: 832,
}
const qwenFiles = { 'vocab.json': '{}', 'merges.txt': '#version: 0.2\n', LICENSE: 'Apache License' }
const qwen25: Layout = {
  task: 'text',
  base: {
    repo: 'Qwen/Qwen2.5-0.5B',
    config: qwen25Config,
    shapes: shapesOf(qwen25Config),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors' }],
    files: {
      ...tokenizerFiles('qwen2-bpe'),
      ...qwenFiles,
      'generation_config.json': {
        bos_token_id: 800,
        do_sample: false,
        eos_token_id: 800,
        max_new_tokens: 2048,
        transformers_version: '4.37.0',
      },
    },
  },
  post: {
    repo: 'Qwen/Qwen2.5-0.5B-Instruct',
    config: { ...qwen25Config, eos_token_id: 802, max_window_layers: 21, transformers_version: '4.43.1' },
    shapes: shapesOf(qwen25Config),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors' }],
    files: {
      ...tokenizerFiles('qwen2-bpe'),
      ...qwenFiles,
      'generation_config.json': {
        bos_token_id: 800,
        do_sample: true,
        eos_token_id: [802, 800],
        pad_token_id: 800,
        repetition_penalty: 1.1,
        temperature: 0.7,
        top_k: 20,
        top_p: 0.8,
        transformers_version: '4.37.0',
      },
    },
  },
}
const { use_mrope: _, ...qwen3Shared } = qwen25Config
const qwen3Config = {
  ...qwen3Shared,
  architectures: ['Qwen3ForCausalLM'],
  attention_bias: false,
  head_dim: 16,
  model_type: 'qwen3',
  max_window_layers: 28,
  rope_scaling: null,
  sliding_window: null,
  transformers_version: '4.51.0',
}
const qwen3: Layout = {
  task: 'text',
  base: {
    ...qwen25.base,
    repo: 'Qwen/Qwen3-0.6B-Base',
    config: qwen3Config,
    shapes: shapesOf({ ...qwen3Config, tie_word_embeddings: false }),
    spell: (name) => (name === 'lm_head.weight' ? null : name),
  },
  post: {
    ...qwen25.post,
    repo: 'Qwen/Qwen3-0.6B',
    config: { ...qwen3Config, eos_token_id: 802 },
    shapes: shapesOf({ ...qwen3Config, tie_word_embeddings: false }),
    copies: { 'lm_head.weight': 'model.embed_tokens.weight' },
  },
}

const mistralConfig: Config = {
  architectures: ['MistralForCausalLM'],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: 'silu',
  initializer_range: 0.02,
  max_position_embeddings: 256,
  model_type: 'mistral',
  ...tiny,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  sliding_window: 128,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  transformers_version: '4.34.0.dev0',
  use_cache: true,
  vocab_size: 1059,
}
const mistral: Layout = {
  task: 'text',
  base: {
    repo: 'mistralai/Mistral-7B-v0.1',
    config: mistralConfig,
    shapes: shapesOf(mistralConfig),
    dtype: 'BF16',
    storage: [
      { kind: 'safetensors', shards: 2 },
      { kind: 'bin', shards: 2 },
    ],
    files: {
      ...llama2Tokens(false),
      'generation_config.json': {
        _from_model_config: true,
        bos_token_id: 1,
        eos_token_id: 2,
        transformers_version: '4.34.0.dev0',
      },
    },
  },
  post: {
    repo: 'mistralai/Mistral-7B-Instruct-v0.1',
    config: mistralConfig,
    shapes: shapesOf(mistralConfig),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 3 }],
    files: {
      ...llama2Tokens(true),
      'consolidated.safetensors': EMPTY,
      'consolidated.00.pth': EMPTY,
      'params.json': '{}',
      'tokenizer.model.v3': EMPTY,
    },
  },
}

export const decoders: readonly Layout[] = [gpt2, qwen25, qwen3, mistral]
