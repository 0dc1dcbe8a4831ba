// Qwen 2, with biases of q, k and v, and Qwen 3, with norms of queries and keys. Both may have a window from one layer on.
import { type Config, epsilonOf, isGiven, isSet, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { layerTypes, readBias, readMlp, readSizes, sameLayers, usualLayer, windowOf } from '../decoder-config.js'
import { type Attention, HEAD_NORMS, type Page } from '../decoder-page.js'
import { rms } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

const DEFAULTS = {
  max_position_embeddings: 32768,
  num_key_value_heads: 32,
  sliding_window: 4096,
  max_window_layers: 28,
}

function pageOf(config: Config, attention: Partial<Attention>): Page {
  const sizes = readSizes(config)
  const rope = readRope(config, sizes)
  const mlp = readMlp(config)
  const windowed = isGiven(config, 'sliding_window') && isSet(config, 'use_sliding_window', false)
  const from = () => read(config, 'max_window_layers', KIND.index)
  const layers = windowed
    ? layerTypes(config, (layer) => (layer >= from() ? 'sliding_attention' : 'full_attention')).map((type) =>
        usualLayer({ ...attention, rope, window: windowOf(config, type) }, mlp),
      )
    : sameLayers(config, usualLayer({ ...attention, rope }, mlp))
  return { ...sizes, norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6)), layers }
}

export const qwen2 = decoder({
  name: 'qwen2',
  classes: { start: 'Qwen2' },
  cite: 'Yang et al. 2024 (arXiv 2407.10671)',
  defaults: DEFAULTS,
  page: (config) => pageOf(config, { bias: { in: true, out: false } }),
})

export const qwen3 = decoder({
  name: 'qwen3',
  classes: { start: 'Qwen3' },
  cite: 'Yang et al. 2025 (arXiv 2505.09388)',
  defaults: { ...DEFAULTS, head_dim: 128 },
  page: (config) => pageOf(config, { bias: readBias(config), headNorms: { ...HEAD_NORMS, over: 'head' } }),
})
