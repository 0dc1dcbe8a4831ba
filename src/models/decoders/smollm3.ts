// SmolLM3 (Bakouch et al. 2025): every fourth layer turns no queries and keys.
import { z } from 'zod'
import { UserError } from '../../errors/index.js'
import { type Config, epsilonOf, fewOf, isGiven, isSet, read } from '../config.js'
import { decoder } from '../decoder.js'
import { layerTypes, readBias, readMlp, readSizes, usualLayer, windowOf } from '../decoder-config.js'
import { rms } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

/** For each layer, whether it turns queries and keys (1 in `no_rope_layers`, whose name says the opposite). */
function turning(config: Config): boolean[] {
  const layers = fewOf(config, 'num_hidden_layers')
  const given = read(config, 'no_rope_layers', z.array(z.union([z.boolean(), z.literal(0), z.literal(1)])).optional())
  if (given && given.length < layers)
    throw new UserError(
      `config.json: no_rope_layers must have an entry for each of the ${layers} layers; got ${given.length}`,
    )
  const every = fewOf(config, 'no_rope_layer_interval')
  return Array.from({ length: layers }, (_, layer) => (given ? Boolean(given[layer]) : (layer + 1) % every !== 0))
}

export const smollm3 = decoder({
  name: 'smollm3',
  classes: { start: 'SmolLM3' },
  cite: 'Bakouch et al. 2025 (huggingface.co/blog/smollm3)',
  defaults: {
    vocab_size: 128256,
    hidden_size: 2048,
    intermediate_size: 11008,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: 4,
    hidden_act: 'silu',
    max_position_embeddings: 32768,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
    rope_theta: 2e6,
    use_sliding_window: false,
    sliding_window: null,
    no_rope_layers: null,
    no_rope_layer_interval: 4,
    layer_types: null,
    attention_bias: false,
    mlp_bias: false,
    pad_token_id: 128004,
  },
  page(config) {
    const sizes = readSizes(config)
    const mlp = readMlp(config, { bias: isSet(config, 'mlp_bias', false) })
    const rope = readRope(config, sizes)
    const turns = turning(config)
    const windowed = isSet(config, 'use_sliding_window', false) && isGiven(config, 'sliding_window')
    const types = layerTypes(config, (layer) => (windowed && !turns[layer] ? 'sliding_attention' : 'full_attention'))
    return {
      ...sizes,
      norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6)),
      layers: types.map((type, layer) =>
        usualLayer({ rope: turns[layer] ? rope : null, window: windowOf(config, type), bias: readBias(config) }, mlp),
      ),
    }
  },
})
