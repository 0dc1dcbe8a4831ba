// Gemma: RMSNorm times 1 + w, and embeddings times the root of the width. Since Gemma 2 each half has a norm behind it, too, and every
// other layer a window; Gemma 3 has norms of queries and keys, and a rotation of its own where the window is.
import { type Config, epsilonOf, isGiven, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { layerTypes, readBias, readMlp, readSizes, sameLayers, usualLayer, windowOf } from '../decoder-config.js'
import { type Attention, HEAD_NORMS, type Layer, type LayerType, type Page } from '../decoder-page.js'
import { gated, rms } from '../decoder-parts.js'
import { softCap } from '../layers.js'
import type { Rope } from '../rope.js'
import { readRope, readRopes } from '../rope-settings.js'

function pageOf(config: Config, layers: Layer[]): Page {
  const sizes = readSizes(config)
  const cap = capOf(config, 'final_logit_softcapping')
  return {
    ...sizes,
    scale: Math.sqrt(sizes.width),
    norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6), true),
    layers,
    ...(cap && { logits: (x) => softCap(x, cap) }),
  }
}

const capOf = (config: Config, key: string): number | undefined =>
  isGiven(config, key) ? read(config, key, KIND.positive) : undefined

/** Layers of Gemma 2 and 3, with a norm before and behind each half. */
function framed(config: Config, types: LayerType[], ropes: Record<LayerType, Rope>, attention: Partial<Attention>) {
  const part = gated(readMlp(config, { key: 'hidden_activation' }))
  const scale = read(config, 'query_pre_attn_scalar', KIND.positive) ** -0.5
  return types.map((type) =>
    usualLayer(
      {
        norms: { in: 'input_layernorm', out: 'post_attention_layernorm' },
        bias: readBias(config),
        rope: ropes[type],
        window: windowOf(config, type),
        scale,
        ...attention,
      },
      { norms: { in: 'pre_feedforward_layernorm', out: 'post_feedforward_layernorm' }, part },
    ),
  )
}

const DEFAULTS = {
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  hidden_activation: 'gelu_pytorch_tanh',
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
  attention_bias: false,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
  layer_types: null,
  attn_logit_softcapping: null,
  final_logit_softcapping: null,
  pad_token_id: 0,
}
/** What follows is hidden from a token. */
const USUAL = { use_bidirectional_attention: false }

export const gemma = decoder({
  name: 'gemma',
  classes: { start: 'Gemma' },
  cite: 'Gemma Team 2024 (arXiv 2403.08295)',
  defaults: {
    vocab_size: 256000,
    hidden_size: 3072,
    intermediate_size: 24576,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    head_dim: 256,
    hidden_act: 'gelu_pytorch_tanh',
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
    attention_bias: false,
    pad_token_id: 0,
  },
  usual: USUAL,
  page(config) {
    const rope = readRope(config, readSizes(config))
    // The first files say gelu and mean its tanh form: transformers 5 reads it so.
    const hidden_act = config.hidden_act === 'gelu' ? 'gelu_pytorch_tanh' : config.hidden_act
    const layer = usualLayer({ rope, bias: readBias(config) }, readMlp({ ...config, hidden_act }))
    return pageOf(config, sameLayers(config, layer))
  },
})

export const gemma2 = decoder({
  name: 'gemma2',
  classes: { start: 'Gemma2' },
  cite: 'Gemma Team 2024 (arXiv 2408.00118)',
  defaults: {
    ...DEFAULTS,
    vocab_size: 256000,
    max_position_embeddings: 8192,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  },
  usual: USUAL,
  page(config) {
    const rope = readRope(config, readSizes(config))
    const types = layerTypes(config, (layer) => (layer % 2 ? 'full_attention' : 'sliding_attention'))
    const cap = capOf(config, 'attn_logit_softcapping')
    const ropes = { full_attention: rope, sliding_attention: rope }
    return pageOf(config, framed(config, types, ropes, { ...(cap && { cap }) }))
  },
})

const GEMMA3 = {
  ...DEFAULTS,
  vocab_size: 262208,
  max_position_embeddings: 131072,
  rope_theta: 1e6,
  rope_local_base_freq: 1e4,
  sliding_window_pattern: 6,
}

function gemma3Page(config: Config): Page {
  const pattern = read(config, 'sliding_window_pattern', KIND.few)
  const types = layerTypes(config, (layer) => ((layer + 1) % pattern ? 'sliding_attention' : 'full_attention'))
  const ropes = readRopes(config, readSizes(config), {
    full_attention: read(config, 'rope_theta', KIND.atLeastOne),
    sliding_attention: read(config, 'rope_local_base_freq', KIND.atLeastOne),
  })
  // Its class has attn_logit_softcapping, and does not use it.
  return pageOf(config, framed(config, types, ropes, { headNorms: { ...HEAD_NORMS, over: 'head' } }))
}

export const gemma3Text = decoder({
  name: 'gemma3_text',
  classes: { start: 'Gemma3', sequence: 'Gemma3TextForSequenceClassification', bare: 'Gemma3TextModel' },
  cite: 'Gemma Team 2025 (arXiv 2503.19786)',
  defaults: GEMMA3,
  usual: USUAL,
  page: gemma3Page,
})

/** The language model of the one that sees images, too: on texts alone it is that above. Its logits have no cap. */
export const gemma3 = decoder({
  name: 'gemma3',
  classes: { start: 'Gemma3', causal: 'Gemma3ForConditionalGeneration' },
  cite: 'the language model of Gemma 3 with images',
  section: 'text_config',
  defaults: GEMMA3,
  usual: { ...USUAL, final_logit_softcapping: null },
  page: (config) => ({
    ...gemma3Page(config),
    names: {
      word: 'model.language_model.embed_tokens.weight',
      layers: 'model.language_model.layers.',
      norm: 'model.language_model.norm',
      logits: 'lm_head.weight',
    },
  }),
})
