// BERT (Devlin et al. 2019).
import { tanh } from '../activations.js'
import { type BertPage, bertKind } from '../bert-kind.js'

/** Sizes of the base models, which the classes of configurations take where config.json says none. */
export const SIZES = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
}

export const BERT: BertPage = {
  name: 'bert',
  start: 'Bert',
  further: ['BertForPreTraining', 'BertForNextSentencePrediction'],
  cite: 'Devlin et al. 2019 (arXiv 1810.04805)',
  module: 'bert',
  layers: 'encoder.layer.',
  layer: {
    attention: {
      query: 'attention.self.query',
      key: 'attention.self.key',
      value: 'attention.self.value',
      out: 'attention.output.dense',
    },
    mlp: { open: 'intermediate.dense', close: 'output.dense' },
    norms: ['attention.output.LayerNorm', 'output.LayerNorm'],
    order: 'post',
  },
  words: {
    width: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
    layers: 'num_hidden_layers',
    activation: 'hidden_act',
  },
  defaults: { ...SIZES, vocab_size: 30522 },
  // The pooler belongs to the encoder, and RoBERTa's to the classifier.
  classes: { dense: 'bert.pooler.dense', activation: tanh, classifier: 'classifier' },
  follows: 'cls.seq_relationship',
  masked: (activation) => ({
    dense: 'cls.predictions.transform.dense',
    activation,
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    tiedBias: 'cls.predictions.bias',
  }),
}

export const bert = bertKind(BERT)
