// ELECTRA (Clark et al. 2020): a discriminator that finds replaced tokens, and the generator that replaces them. Their embeddings may
// be narrower than their layers.
import { ACTIVATIONS } from '../activations.js'
import { bertKind } from '../bert-kind.js'
import { BERT, SIZES } from './bert.js'

export const electra = bertKind({
  ...BERT,
  name: 'electra',
  start: 'Electra',
  further: ['ElectraForPreTraining'],
  cite: 'Clark et al. 2020 (arXiv 2003.10555)',
  module: 'electra',
  defaults: {
    ...SIZES,
    vocab_size: 30522,
    embedding_size: 128,
    hidden_size: 256,
    intermediate_size: 1024,
    num_attention_heads: 4,
  },
  narrow: 'embedding_size',
  classes: { dense: 'classifier.dense', activation: ACTIVATIONS.gelu!, classifier: 'classifier.out_proj' },
  replaced: (activation) => ({
    dense: 'discriminator_predictions.dense',
    activation,
    classifier: 'discriminator_predictions.dense_prediction',
  }),
  masked: () => ({
    dense: 'generator_predictions.dense',
    activation: ACTIVATIONS.gelu!,
    norm: 'generator_predictions.LayerNorm',
    decoder: 'generator_lm_head',
  }),
})
