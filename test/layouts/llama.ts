// Llama and models of its kind as they are published, with tiny sizes: file names and keys of config.json are those on the hub.
import { buffer, type Config, type Layout, type Published, shapesOf, tokenizerFiles } from './layout.js'
import { EMPTY } from './parts.js'

export const tiny = {
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
}
const license = { 'LICENSE.txt': 'LLAMA COMMUNITY LICENSE', 'USE_POLICY.md': '' }

const llama2Config: Config = {
  architectures: ['LlamaForCausalLM'],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: 'silu',
  initializer_range: 0.02,
  max_position_embeddings: 128,
  model_type: 'llama',
  ...tiny,
  num_key_value_heads: 4,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  tie_word_embeddings: false,
  torch_dtype: 'float16',
  transformers_version: '4.31.0.dev0',
  use_cache: true,
  vocab_size: 1059,
}
const frequencies = [0, 1].map((layer) => buffer(`model.layers.${layer}.self_attn.rotary_emb.inv_freq`, [4], 0.5))
export const llama2Tokens = (chat: boolean) => ({
  ...tokenizerFiles('llama2-bpe', {
    add_bos_token: true,
    add_eos_token: false,
    bos_token: {
      __type: 'AddedToken',
      content: '<s>',
      lstrip: false,
      normalized: false,
      rstrip: false,
      single_word: false,
    },
    eos_token: {
      __type: 'AddedToken',
      content: '</s>',
      lstrip: false,
      normalized: false,
      rstrip: false,
      single_word: false,
    },
    unk_token: {
      __type: 'AddedToken',
      content: '<unk>',
      lstrip: false,
      normalized: false,
      rstrip: false,
      single_word: false,
    },
    legacy: false,
    model_max_length: 1e30,
    pad_token: null,
    padding_side: 'right',
    sp_model_kwargs: {},
    tokenizer_class: 'LlamaTokenizer',
    ...(chat && {
      chat_template:
        "{% for message in messages %}{{ bos_token + '[INST] ' + message['content'] + ' [/INST]' }}{% endfor %}",
    }),
  }),
  'special_tokens_map.json': { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  'tokenizer.model': EMPTY,
})
const sampling = {
  do_sample: true,
  temperature: 0.6,
  top_p: 0.9,
  max_length: 4096,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
  transformers_version: '4.32.0.dev0',
}
const llama2Base: Published = {
  repo: 'meta-llama/Llama-2-7b-hf',
  config: { _name_or_path: 'meta-llama/Llama-2-7b-hf', ...llama2Config },
  shapes: shapesOf(llama2Config),
  dtype: 'F16',
  storage: [
    { kind: 'safetensors', shards: 2 },
    { kind: 'bin', shards: 2 },
  ],
  more: frequencies,
  files: { ...llama2Tokens(false), 'generation_config.json': sampling, ...license },
}
const llama2: Layout = {
  task: 'text',
  base: llama2Base,
  post: {
    ...llama2Base,
    repo: 'meta-llama/Llama-2-7b-chat-hf',
    files: { ...llama2Tokens(true), 'generation_config.json': sampling, ...license },
  },
}

const wizardConfig = {
  ...llama2Config,
  _name_or_path: '/workspaceblobstore/wizard',
  pad_token_id: 0,
  vocab_size: 1060,
  torch_dtype: 'float32',
}
const wizard: Layout = {
  task: 'text',
  base: llama2Base,
  post: {
    repo: 'WizardLMTeam/WizardMath-7B-V1.0',
    config: wizardConfig,
    shapes: shapesOf(wizardConfig),
    storage: [{ kind: 'bin', shards: 2 }],
    files: {
      ...llama2Tokens(false),
      'added_tokens.json': { '<pad>': 1059 },
      'special_tokens_map.json': { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', pad_token: '[PAD]' },
    },
  },
}

const tinyLlamaConfig = {
  ...llama2Config,
  num_key_value_heads: 2,
  torch_dtype: 'bfloat16',
  transformers_version: '4.35.0',
  attention_bias: false,
  rope_theta: 10000.0,
}
const tinyLlama: Layout = {
  task: 'text',
  base: {
    repo: 'TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T',
    config: { ...tinyLlamaConfig, torch_dtype: 'float32' },
    shapes: shapesOf(tinyLlamaConfig),
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    files: {
      ...llama2Tokens(false),
      'generation_config.json': {
        bos_token_id: 1,
        eos_token_id: 2,
        pad_token_id: 0,
        max_length: 2048,
        transformers_version: '4.31.0.dev0',
      },
    },
  },
  post: {
    repo: 'TinyLlama/TinyLlama-1.1B-Chat-v1.0',
    config: tinyLlamaConfig,
    shapes: shapesOf(tinyLlamaConfig),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors' }],
    files: {
      ...llama2Tokens(true),
      'generation_config.json': {
        bos_token_id: 1,
        eos_token_id: 2,
        max_length: 2048,
        pad_token_id: 0,
        transformers_version: '4.35.0',
      },
      'eval_results.json': '{}',
      'all_results.json': '{}',
    },
  },
}

const llama3Config: Config = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 903,
  eos_token_id: 904,
  hidden_act: 'silu',
  initializer_range: 0.02,
  max_position_embeddings: 1024,
  mlp_bias: false,
  model_type: 'llama',
  ...tiny,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 8.0,
    high_freq_factor: 4.0,
    low_freq_factor: 1.0,
    original_max_position_embeddings: 128,
    rope_type: 'llama3',
  },
  rope_theta: 500000.0,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  transformers_version: '4.43.0.dev0',
  use_cache: true,
  vocab_size: 908,
}
const original = {
  'original/consolidated.00.pth': EMPTY,
  'original/params.json': '{}',
  'original/tokenizer.model': EMPTY,
  LICENSE: 'LLAMA 3.1',
  'USE_POLICY.md': '',
}
const llama31: Layout = {
  task: 'text',
  base: {
    repo: 'meta-llama/Llama-3.1-8B',
    config: llama3Config,
    shapes: shapesOf(llama3Config),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 4 }],
    files: {
      ...tokenizerFiles('llama3-bpe'),
      'special_tokens_map.json': { bos_token: '<|begin_of_text|>', eos_token: '<|end_of_text|>' },
      'generation_config.json': {
        bos_token_id: 903,
        do_sample: true,
        eos_token_id: 904,
        temperature: 0.6,
        top_p: 0.9,
        transformers_version: '4.43.0.dev0',
      },
      ...original,
    },
  },
  post: {
    repo: 'meta-llama/Llama-3.1-8B-Instruct',
    config: { ...llama3Config, eos_token_id: [904, 906, 907] },
    shapes: shapesOf(llama3Config),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 4 }],
    files: {
      ...tokenizerFiles('llama3-bpe'),
      'special_tokens_map.json': { bos_token: '<|begin_of_text|>', eos_token: '<|eot_id|>' },
      'generation_config.json': {
        bos_token_id: 903,
        do_sample: true,
        eos_token_id: [904, 906, 907],
        temperature: 0.6,
        top_p: 0.9,
        transformers_version: '4.42.3',
      },
      ...original,
    },
  },
}
const rewardConfig = {
  ...llama3Config,
  architectures: ['LlamaForSequenceClassification'],
  id2label: { 0: 'LABEL_0' },
  label2id: { LABEL_0: 0 },
  pad_token_id: 904,
  eos_token_id: 907,
}
const reward: Layout = {
  task: 'value',
  base: llama31.post,
  post: {
    repo: 'Skywork/Skywork-Reward-Llama-3.1-8B-v0.2',
    config: rewardConfig,
    shapes: shapesOf(rewardConfig),
    dtype: 'BF16',
    storage: [{ kind: 'safetensors', shards: 4 }],
    files: {
      ...tokenizerFiles('llama3-bpe'),
      'special_tokens_map.json': {
        bos_token: '<|begin_of_text|>',
        eos_token: '<|eot_id|>',
        pad_token: '<|end_of_text|>',
      },
    },
  },
}

export const llamas: readonly Layout[] = [llama2, wizard, tinyLlama, llama31, reward]
