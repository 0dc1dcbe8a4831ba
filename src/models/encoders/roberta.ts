// RoBERTa (Liu et al. 2019), and XLM-RoBERTa, the same in many languages.
import { ACTIVATIONS, tanh } from '../activations.js'
import { type BertPage, bertKind } from '../bert-kind.js'
import { BERT, SIZES } from './bert.js'

const ROBERTA: BertPage = {
  ...BERT,
  name: 'roberta',
  start: 'Roberta',
  further: [],
  cite: 'Liu et al. 2019 (arXiv 1907.11692)',
  module: 'roberta',
  defaults: { ...SIZES, vocab_size: 50265, pad_token_id: 1 },
  counted: true,
  classes: { dense: 'classifier.dense', activation: tanh, classifier: 'classifier.out_proj' },
  masked: () => ({
    dense: 'lm_head.dense',
    activation: ACTIVATIONS.gelu!,
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder',
    tiedBias: 'lm_head.bias',
  }),
}

export const roberta = bertKind(ROBERTA)

export const xlmRoberta = bertKind({
  ...ROBERTA,
  name: 'xlm-roberta',
  start: 'XLMRoberta',
  cite: 'Conneau et al. 2020 (arXiv 1911.02116)',
})
