// Encoders of text as they are published, with tiny sizes.
import { type Config, counting, type Layout, shapesOf, tokenizerFiles } from './layout.js'
import { EMPTY, labels, pooler, tinyEncoder, trainer } from './parts.js'

const bertConfig: Config = {
  architectures: ['BertForMaskedLM'],
  attention_probs_dropout_prob: 0.1,
  gradient_checkpointing: false,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  ...tinyEncoder,
  initializer_range: 0.02,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 128,
  model_type: 'bert',
  pad_token_id: 0,
  position_embedding_type: 'absolute',
  transformers_version: '4.6.0.dev0',
  type_vocab_size: 2,
  use_cache: true,
  vocab_size: 1162,
}
const sst2Bert = {
  ...bertConfig,
  architectures: ['BertForSequenceClassification'],
  finetuning_task: 'sst-2',
  ...labels('LABEL_0', 'LABEL_1'),
}
const bert: Layout = {
  task: 'classes',
  base: {
    repo: 'google-bert/bert-base-uncased',
    config: bertConfig,
    shapes: {
      ...shapesOf(bertConfig),
      ...pooler('bert.'),
      'cls.seq_relationship.weight': [2, 32],
      'cls.seq_relationship.bias': [2],
    },
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    spell: (name) => name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
    files: {
      ...tokenizerFiles('bert-wordpiece', { do_lower_case: true, model_max_length: 512 }),
      'vocab.txt': '[PAD]\n',
      'flax_model.msgpack': EMPTY,
      'tf_model.h5': EMPTY,
      'rust_model.ot': EMPTY,
      'coreml/fill-mask/float32_model.mlpackage/Manifest.json': '{}',
    },
  },
  post: {
    repo: 'textattack/bert-base-uncased-SST-2',
    config: sst2Bert,
    shapes: shapesOf(sst2Bert),
    storage: [{ kind: 'bin' }],
    files: {
      ...tokenizerFiles('bert-wordpiece'),
      'special_tokens_map.json': {
        unk_token: '[UNK]',
        sep_token: '[SEP]',
        pad_token: '[PAD]',
        cls_token: '[CLS]',
        mask_token: '[MASK]',
      },
      'vocab.txt': '[PAD]\n',
      ...trainer,
    },
  },
}

const robertaConfig: Config = {
  architectures: ['RobertaForMaskedLM'],
  attention_probs_dropout_prob: 0.1,
  bos_token_id: 0,
  eos_token_id: 2,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  ...tinyEncoder,
  initializer_range: 0.02,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 130,
  model_type: 'roberta',
  pad_token_id: 1,
  type_vocab_size: 1,
  vocab_size: 865,
}
const robertaFiles = { 'vocab.json': '{}', 'merges.txt': '#version: 0.2\n' }
const three = labels('LABEL_0', 'LABEL_1', 'LABEL_2')
const tweets = {
  ...robertaConfig,
  architectures: ['RobertaForSequenceClassification'],
  gradient_checkpointing: false,
  ...three,
}
const roberta: Layout = {
  task: 'classes',
  base: {
    repo: 'FacebookAI/roberta-base',
    config: robertaConfig,
    shapes: { ...shapesOf(robertaConfig), ...pooler('roberta.') },
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    more: [counting('roberta.embeddings.position_ids', 130)],
    files: {
      ...tokenizerFiles('roberta-bpe', { model_max_length: 512 }),
      ...robertaFiles,
      'dict.txt': EMPTY,
      'flax_model.msgpack': EMPTY,
    },
  },
  post: {
    repo: 'cardiffnlp/twitter-roberta-base-sentiment',
    config: tweets,
    shapes: shapesOf(tweets),
    storage: [{ kind: 'bin' }],
    more: [counting('roberta.embeddings.position_ids', 130)],
    files: {
      ...tokenizerFiles('roberta-bpe', {}),
      ...robertaFiles,
      'special_tokens_map.json': {
        bos_token: '<s>',
        eos_token: '</s>',
        unk_token: '<unk>',
        sep_token: '</s>',
        pad_token: '<pad>',
        cls_token: '<s>',
        mask_token: '<mask>',
      },
    },
  },
}

const xlmConfig = {
  ...robertaConfig,
  architectures: ['XLMRobertaForMaskedLM'],
  model_type: 'xlm-roberta',
  output_past: true,
  position_embedding_type: 'absolute',
  transformers_version: '4.17.0.dev0',
  use_cache: true,
  vocab_size: 905,
}
const xlmTweets = {
  ...xlmConfig,
  architectures: ['XLMRobertaForSequenceClassification'],
  ...labels('negative', 'neutral', 'positive'),
}
const xlmSettings = {
  bos_token: '<s>',
  cls_token: '<s>',
  eos_token: '</s>',
  mask_token: '<mask>',
  model_max_length: 512,
  pad_token: '<pad>',
  sep_token: '</s>',
  tokenizer_class: 'XLMRobertaTokenizer',
  unk_token: '<unk>',
}
const xlmRoberta: Layout = {
  task: 'classes',
  base: {
    repo: 'FacebookAI/xlm-roberta-base',
    config: xlmConfig,
    shapes: { ...shapesOf(xlmConfig), ...pooler('roberta.') },
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    more: [counting('roberta.embeddings.position_ids', 130)],
    files: {
      ...tokenizerFiles('unigram', { model_max_length: 512 }, ['<pad>', '<mask>']),
      'sentencepiece.bpe.model': EMPTY,
      'flax_model.msgpack': EMPTY,
      'onnx/model.onnx': EMPTY,
      'onnx/tokenizer.json': '{}',
    },
  },
  post: {
    repo: 'cardiffnlp/twitter-xlm-roberta-base-sentiment',
    config: xlmTweets,
    shapes: shapesOf(xlmTweets),
    storage: [{ kind: 'bin' }],
    files: {
      ...tokenizerFiles('unigram', xlmSettings, ['<pad>', '<mask>']),
      'sentencepiece.bpe.model': EMPTY,
      'special_tokens_map.json': {
        bos_token: '<s>',
        eos_token: '</s>',
        unk_token: '<unk>',
        sep_token: '</s>',
        pad_token: '<pad>',
        cls_token: '<s>',
        mask_token: '<mask>',
      },
    },
  },
}

const miniConfig = { ...bertConfig, architectures: ['BertModel'] }
const sentences = {
  'modules.json': [{ idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' }],
  '1_Pooling/config.json': { word_embedding_dimension: 32, pooling_mode_mean_tokens: true },
  'config_sentence_transformers.json': {},
  'sentence_bert_config.json': { max_seq_length: 128, do_lower_case: false },
  'data_config.json': '[]',
}
const bare = { ...shapesOf(miniConfig), ...pooler('bert.') }
const miniLM: Layout = {
  task: 'classes',
  base: {
    repo: 'nreimers/MiniLM-L6-H384-uncased',
    config: miniConfig,
    shapes: bare,
    storage: [{ kind: 'bin' }],
    spell: (name) => name.replace('bert.', ''),
    more: [counting('embeddings.position_ids', 128)],
    files: { ...tokenizerFiles('bert-wordpiece'), 'vocab.txt': '[PAD]\n', 'special_tokens_map.json': '{}' },
  },
  post: {
    repo: 'sentence-transformers/all-MiniLM-L6-v2',
    config: { ...miniConfig, _name_or_path: 'nreimers/MiniLM-L6-H384-uncased' },
    shapes: bare,
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    spell: (name) => name.replace('bert.', ''),
    more: [counting('embeddings.position_ids', 128)],
    files: {
      ...tokenizerFiles('bert-wordpiece'),
      'vocab.txt': '[PAD]\n',
      ...sentences,
      'train_script.py': '',
      'tf_model.h5': EMPTY,
      'onnx/model.onnx': EMPTY,
    },
  },
}

export const encoders: readonly Layout[] = [bert, roberta, xlmRoberta, miniLM]
