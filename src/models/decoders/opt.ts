// OPT (Zhang et al. 2022): learned positions that begin at 2, and an MLP without a gate. The 350m has its norms after each half,
// narrower embeddings and no last norm.
import { activationOf } from '../activations.js'
import { type Config, countOf, fewOf, headDimOf, isSet } from '../config.js'
import { decoder } from '../decoder.js'
import { sameLayers } from '../decoder-config.js'
import type { Layer, Page } from '../decoder-page.js'
import { centred, ungated } from '../decoder-parts.js'

const AT = 'model.decoder.'

/** The class gives its norms no other epsilon. */
const EPSILON = 1e-5

function layerOf(config: Config, width: number): Layer {
  const bias = isSet(config, 'enable_bias', true)
  const normsOf = (name: string) => (isSet(config, 'do_layer_norm_before', true) ? { in: name } : { sum: name })
  const activation = activationOf(config, 'activation_function', 'relu')
  const mlp = { width, inner: countOf(config, 'ffn_dim'), activation, bias }
  return {
    attention: {
      norms: normsOf('self_attn_layer_norm'),
      projections: { q: 'self_attn.q_proj', k: 'self_attn.k_proj', v: 'self_attn.v_proj' },
      out: 'self_attn.out_proj',
      bias: { in: bias, out: bias },
      rope: null,
      window: Infinity,
    },
    mlp: { norms: normsOf('final_layer_norm'), part: ungated(mlp, { open: 'fc1', close: 'fc2' }) },
  }
}

function pageOf(config: Config): Page {
  const [width, heads] = [countOf(config, 'hidden_size'), fewOf(config, 'num_attention_heads')]
  const narrow = countOf(config, 'word_embed_proj_dim', width)
  const last = isSet(config, 'do_layer_norm_before', true) && !isSet(config, '_remove_final_layer_norm', false)
  return {
    vocabulary: countOf(config, 'vocab_size'),
    positions: countOf(config, 'max_position_embeddings'),
    width,
    heads,
    kvHeads: heads,
    headDim: headDimOf(width, heads),
    names: {
      word: `${AT}embed_tokens.weight`,
      layers: `${AT}layers.`,
      norm: last ? `${AT}final_layer_norm` : null,
      logits: 'lm_head.weight',
    },
    tied: isSet(config, 'tie_word_embeddings', true),
    learned: { name: `${AT}embed_positions.weight`, offset: 2 },
    ...(narrow !== width && { narrow: { width: narrow, in: `${AT}project_in`, out: `${AT}project_out` } }),
    norm: centred(EPSILON, isSet(config, 'layer_norm_elementwise_affine', true)),
    layers: sameLayers(config, layerOf(config, width)),
  }
}

export const opt = decoder({
  name: 'opt',
  classes: { start: 'OPT' },
  cite: 'Zhang et al. 2022 (arXiv 2205.01068)',
  defaults: {
    vocab_size: 50272,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    ffn_dim: 3072,
    max_position_embeddings: 2048,
    pad_token_id: 1,
  },
  page: pageOf,
})
