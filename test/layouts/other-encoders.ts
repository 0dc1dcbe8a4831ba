// DeBERTa and DistilBERT as they are published, with tiny sizes.
import { type Config, counting, type Layout, type Shapes, tokenizerFiles } from './layout.js'
import { affine, all, EMPTY, INNER, labels, twice, WIDTH } from './parts.js'

const debertaConfig: Config = {
  attention_probs_dropout_prob: 0.1,
  hidden_act: 'gelu',
  hidden_size: WIDTH,
  intermediate_size: INNER,
  layer_norm_eps: 1e-7,
  max_position_embeddings: 64,
  max_relative_positions: -1,
  model_type: 'deberta-v2',
  norm_rel_ebd: 'layer_norm',
  num_attention_heads: 4,
  num_hidden_layers: 2,
  pad_token_id: 0,
  pos_att_type: 'p2c|c2p',
  position_biased_input: false,
  position_buckets: 16,
  relative_attention: true,
  share_att_key: true,
  type_vocab_size: 0,
  vocab_size: 903,
}
const encoderLayer = (at: string, [query, key, value]: string[]): Shapes =>
  all(
    ...[query, key, value].map((name) => affine(`${at}attention.self.${name}`, WIDTH, WIDTH)),
    affine(`${at}attention.output.dense`, WIDTH, WIDTH),
    affine(`${at}attention.output.LayerNorm`, WIDTH),
    affine(`${at}intermediate.dense`, INNER, WIDTH),
    affine(`${at}output.dense`, WIDTH, INNER),
    affine(`${at}output.LayerNorm`, WIDTH),
  )
const debertaBody = all(
  { 'deberta.embeddings.word_embeddings.weight': [903, WIDTH] },
  affine('deberta.embeddings.LayerNorm', WIDTH),
  twice((i) => encoderLayer(`deberta.encoder.layer.${i}.`, ['query_proj', 'key_proj', 'value_proj'])),
  { 'deberta.encoder.rel_embeddings.weight': [32, WIDTH] },
  affine('deberta.encoder.LayerNorm', WIDTH),
)
const debertaHeads = all(
  affine('lm_predictions.lm_head.dense', WIDTH, WIDTH),
  affine('lm_predictions.lm_head.LayerNorm', WIDTH),
  { 'lm_predictions.lm_head.bias': [903] },
  affine('mask_predictions.dense', WIDTH, WIDTH),
  affine('mask_predictions.LayerNorm', WIDTH),
  affine('mask_predictions.classifier', 1, WIDTH),
)
const deberta: Layout = {
  task: 'classes',
  base: {
    repo: 'microsoft/deberta-v3-base',
    config: debertaConfig,
    shapes: all(debertaBody, debertaHeads),
    dtype: 'F16',
    storage: [{ kind: 'bin' }],
    more: [counting('deberta.embeddings.position_ids', 64)],
    files: {
      'spm.model': EMPTY,
      'tokenizer_config.json': { do_lower_case: false, vocab_type: 'spm' },
      'tf_model.h5': EMPTY,
      'rust_model.ot': EMPTY,
      'pytorch_model.generator.bin': EMPTY,
      'generator_config.json': '{}',
    },
  },
  post: {
    repo: 'cross-encoder/nli-deberta-v3-base',
    config: {
      ...debertaConfig,
      architectures: ['DebertaV2ForSequenceClassification'],
      ...labels('NEGATIVE', 'POSITIVE'),
      pooler_dropout: 0,
      pooler_hidden_act: 'gelu',
      pooler_hidden_size: WIDTH,
      pos_att_type: ['p2c', 'c2p'],
    },
    shapes: all(debertaBody, affine('pooler.dense', WIDTH, WIDTH), affine('classifier', 2, WIDTH)),
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    files: { ...tokenizerFiles('unigram'), 'spm.model': EMPTY, 'added_tokens.json': '{}', 'onnx/model.onnx': EMPTY },
  },
}

const distilConfig: Config = {
  activation: 'gelu',
  architectures: ['DistilBertForMaskedLM'],
  attention_dropout: 0.1,
  dim: WIDTH,
  dropout: 0.1,
  hidden_dim: INNER,
  initializer_range: 0.02,
  max_position_embeddings: 64,
  model_type: 'distilbert',
  n_heads: 4,
  n_layers: 2,
  pad_token_id: 0,
  qa_dropout: 0.1,
  seq_classif_dropout: 0.2,
  sinusoidal_pos_embds: false,
  tie_weights_: true,
  vocab_size: 1162,
}
const distilBody = all(
  {
    'distilbert.embeddings.word_embeddings.weight': [1162, WIDTH],
    'distilbert.embeddings.position_embeddings.weight': [64, WIDTH],
  },
  affine('distilbert.embeddings.LayerNorm', WIDTH),
  twice((i) => {
    const at = `distilbert.transformer.layer.${i}.`
    return all(
      ...['q_lin', 'k_lin', 'v_lin', 'out_lin'].map((name) => affine(`${at}attention.${name}`, WIDTH, WIDTH)),
      affine(`${at}sa_layer_norm`, WIDTH),
      affine(`${at}ffn.lin1`, INNER, WIDTH),
      affine(`${at}ffn.lin2`, WIDTH, INNER),
      affine(`${at}output_layer_norm`, WIDTH),
    )
  }),
)
const distilHead = all(
  affine('vocab_transform', WIDTH, WIDTH),
  affine('vocab_layer_norm', WIDTH),
  affine('vocab_projector', 1162, WIDTH),
)
const distilbert: Layout = {
  task: 'classes',
  base: {
    repo: 'distilbert/distilbert-base-uncased',
    config: distilConfig,
    shapes: all(distilBody, distilHead),
    copies: { 'vocab_projector.weight': 'distilbert.embeddings.word_embeddings.weight' },
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    files: {
      ...tokenizerFiles('bert-wordpiece', { do_lower_case: true, model_max_length: 512 }),
      'vocab.txt': '[PAD]\n',
      'flax_model.msgpack': EMPTY,
      'tf_model.h5': EMPTY,
      LICENSE: 'Apache',
    },
  },
  post: {
    repo: 'distilbert/distilbert-base-uncased-finetuned-sst-2-english',
    config: {
      ...distilConfig,
      architectures: ['DistilBertForSequenceClassification'],
      finetuning_task: 'sst-2',
      output_past: true,
      ...labels('NEGATIVE', 'POSITIVE'),
    },
    shapes: all(distilBody, affine('pre_classifier', WIDTH, WIDTH), affine('classifier', 2, WIDTH)),
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    files: {
      'tokenizer_config.json': { model_max_length: 512, do_lower_case: true },
      'vocab.txt': '[PAD]\n',
      'map.jpeg': EMPTY,
      'rust_model.ot': EMPTY,
      'tf_model.h5': EMPTY,
      'onnx/model.onnx': EMPTY,
    },
  },
}

export const otherEncoders: readonly Layout[] = [deberta, distilbert]
