// T5 and OPT as they are published, with tiny sizes.
import { type Config, type Layout, type Shapes, tokenizerFiles } from './layout.js'
import { affine, all, EMPTY, INNER, twice, WIDTH } from './parts.js'

const t5Config: Config = {
  architectures: ['T5ForConditionalGeneration'],
  d_ff: INNER,
  d_kv: 8,
  d_model: WIDTH,
  decoder_start_token_id: 0,
  dropout_rate: 0.1,
  eos_token_id: 1,
  initializer_factor: '1.0f',
  is_encoder_decoder: true,
  layer_norm_epsilon: 1e-6,
  model_type: 't5',
  n_positions: 64,
  num_heads: 4,
  num_layers: 2,
  output_past: true,
  pad_token_id: 0,
  relative_attention_num_buckets: 32,
  task_specific_params: {
    summarization: {
      early_stopping: true,
      length_penalty: 2.0,
      max_length: 200,
      min_length: 30,
      no_repeat_ngram_size: 3,
      num_beams: 4,
      prefix: 'summarize: ',
    },
  },
  vocab_size: 903,
}
const t5Attention = (at: string, part: string): Shapes => ({
  ...Object.fromEntries(['q', 'k', 'v', 'o'].map((name) => [`${at}${part}.${name}.weight`, [WIDTH, WIDTH]])),
  [`${at}layer_norm.weight`]: [WIDTH],
})
const t5Wide = (at: string): Shapes => ({
  [`${at}DenseReluDense.wi.weight`]: [INNER, WIDTH],
  [`${at}DenseReluDense.wo.weight`]: [WIDTH, INNER],
  [`${at}layer_norm.weight`]: [WIDTH],
})
const t5Shapes = all(
  { 'shared.weight': [903, WIDTH] },
  ...['encoder', 'decoder'].map((side) =>
    all(
      twice((i) => {
        const at = `${side}.block.${i}.layer.`
        return side === 'encoder'
          ? all(t5Attention(`${at}0.`, 'SelfAttention'), t5Wide(`${at}1.`))
          : all(t5Attention(`${at}0.`, 'SelfAttention'), t5Attention(`${at}1.`, 'EncDecAttention'), t5Wide(`${at}2.`))
      }),
      {
        [`${side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`]: [32, 4],
        [`${side}.final_layer_norm.weight`]: [WIDTH],
      },
    ),
  ),
)
const t5Files = {
  ...tokenizerFiles('unigram'),
  'spiece.model': EMPTY,
  'generation_config.json': { decoder_start_token_id: 0, eos_token_id: 1, pad_token_id: 0 },
}
const t5: Layout = {
  task: 'text',
  base: {
    repo: 'google-t5/t5-small',
    config: t5Config,
    shapes: { ...t5Shapes, 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight': [32, 4] },
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    files: {
      ...t5Files,
      'flax_model.msgpack': EMPTY,
      'tf_model.h5': EMPTY,
      'rust_model.ot': EMPTY,
      'onnx/encoder_model.onnx': EMPTY,
    },
  },
  post: {
    repo: 'a Seq2SeqTrainer run on t5-small',
    config: { ...t5Config, _name_or_path: 't5-small', torch_dtype: 'float32', use_cache: true },
    shapes: t5Shapes,
    storage: [{ kind: 'safetensors' }],
    files: { ...t5Files, 'special_tokens_map.json': '{}', 'training_args.bin': EMPTY },
  },
}

const optConfig: Config = {
  _name_or_path: 'facebook/opt-125m',
  _remove_final_layer_norm: false,
  activation_function: 'relu',
  architectures: ['OPTForCausalLM'],
  attention_dropout: 0.0,
  bos_token_id: 2,
  do_layer_norm_before: true,
  dropout: 0.1,
  eos_token_id: 2,
  ffn_dim: INNER,
  hidden_size: WIDTH,
  init_std: 0.02,
  layerdrop: 0.0,
  max_position_embeddings: 64,
  model_type: 'opt',
  num_attention_heads: 4,
  num_hidden_layers: 2,
  pad_token_id: 1,
  prefix: '</s>',
  torch_dtype: 'float16',
  vocab_size: 865,
  word_embed_proj_dim: WIDTH,
}
const optShapes = all(
  { 'model.decoder.embed_tokens.weight': [865, WIDTH], 'model.decoder.embed_positions.weight': [66, WIDTH] },
  twice((i) => {
    const at = `model.decoder.layers.${i}.`
    return all(
      ...['k_proj', 'v_proj', 'q_proj', 'out_proj'].map((name) => affine(`${at}self_attn.${name}`, WIDTH, WIDTH)),
      affine(`${at}self_attn_layer_norm`, WIDTH),
      affine(`${at}fc1`, INNER, WIDTH),
      affine(`${at}fc2`, WIDTH, INNER),
      affine(`${at}final_layer_norm`, WIDTH),
    )
  }),
  affine('model.decoder.final_layer_norm', WIDTH),
  { 'lm_head.weight': [865, WIDTH] },
)
const optFiles = {
  'tokenizer_config.json': {
    errors: 'replace',
    unk_token: '</s>',
    bos_token: '</s>',
    eos_token: '</s>',
    pad_token: '<pad>',
    add_prefix_space: false,
    add_bos_token: true,
  },
  'vocab.json': '{}',
  'merges.txt': '#version: 0.2\n',
  'special_tokens_map.json': '{}',
  'LICENSE.md': 'OPT-175B LICENSE',
  'generation_config.json': { bos_token_id: 2, eos_token_id: 2, pad_token_id: 1 },
}
const opt: Layout = {
  task: 'text',
  base: {
    repo: 'facebook/opt-125m',
    config: optConfig,
    shapes: optShapes,
    copies: { 'lm_head.weight': 'model.decoder.embed_tokens.weight' },
    dtype: 'F16',
    storage: [{ kind: 'bin' }],
    files: { ...optFiles, 'flax_model.msgpack': EMPTY, 'tf_model.h5': EMPTY },
  },
  post: {
    repo: 'a Trainer run on opt-125m',
    config: optConfig,
    shapes: optShapes,
    spell: (name) => (name === 'lm_head.weight' ? null : name),
    storage: [{ kind: 'safetensors' }],
    files: { ...optFiles, ...tokenizerFiles('roberta-bpe') },
  },
}

export const t5AndOpt: readonly Layout[] = [t5, opt]
