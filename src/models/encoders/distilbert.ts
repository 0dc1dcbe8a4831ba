// DistilBERT (Sanh et al. 2019): BERT's layers under other names, without segments.
import { ACTIVATIONS } from '../activations.js'
import type { Architecture } from '../architecture.js'
import { bertKind } from '../bert-kind.js'

const { make, ...architecture } = bertKind({
  name: 'distilbert',
  start: 'DistilBert',
  cite: 'Sanh et al. 2019 (arXiv 1910.01108)',
  module: 'distilbert',
  layers: 'transformer.layer.',
  layer: {
    attention: {
      query: 'attention.q_lin',
      key: 'attention.k_lin',
      value: 'attention.v_lin',
      out: 'attention.out_lin',
    },
    mlp: { open: 'ffn.lin1', close: 'ffn.lin2' },
    norms: ['sa_layer_norm', 'output_layer_norm'],
    order: 'post',
  },
  words: { width: 'dim', inner: 'hidden_dim', heads: 'n_heads', layers: 'n_layers', activation: 'activation' },
  defaults: { vocab_size: 30522, dim: 768, hidden_dim: 3072, n_heads: 12, n_layers: 6, max_position_embeddings: 512 },
  fixed: { type_vocab_size: 0, layer_norm_eps: 1e-12 },
  classes: { dense: 'pre_classifier', activation: ACTIVATIONS.relu!, classifier: 'classifier' },
  masked: (activation) => ({
    dense: 'vocab_transform',
    activation,
    norm: 'vocab_layer_norm',
    decoder: 'vocab_projector',
  }),
})

/** The configuration takes BERT's words for its own, and means them where both are there. */
export const distilbert: Architecture = {
  ...architecture,
  make({ hidden_size, num_attention_heads, num_hidden_layers, ...config }) {
    const own = { dim: hidden_size, n_heads: num_attention_heads, n_layers: num_hidden_layers }
    const given = Object.entries(own).filter(([, value]) => value !== undefined)
    return make({ ...config, ...Object.fromEntries(given) })
  },
}
