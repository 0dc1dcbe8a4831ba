// OLMo 2 and 3: the norm of a half stands behind it, and those of queries and keys are over all heads. Three of four layers of OLMo 3
// have a window.

import { UserError } from '../../errors/index.js'
import { type Config, epsilonOf, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { layerTypes, readBias, readMlp, readSizes, sameLayers, usualLayer, windowOf } from '../decoder-config.js'
import { HEAD_NORMS, type Layer, type Page } from '../decoder-page.js'
import { gated, rms } from '../decoder-parts.js'
import type { Rope } from '../rope.js'
import { readRope, readRopes } from '../rope-settings.js'

const layerOf = (config: Config, rope: Rope, window: number): Layer =>
  usualLayer(
    {
      norms: { out: 'post_attention_layernorm' },
      bias: readBias(config),
      headNorms: { ...HEAD_NORMS, over: 'all' },
      rope,
      window,
    },
    { norms: { out: 'post_feedforward_layernorm' }, part: gated(readMlp(config)) },
  )

const pageOf = (config: Config, layers: Layer[]): Page => ({
  ...readSizes(config),
  norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-5)),
  layers,
})

const DEFAULTS = {
  vocab_size: 50304,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: null,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
  attention_bias: false,
  pad_token_id: 1,
}

export const olmo2 = decoder({
  name: 'olmo2',
  classes: { start: 'Olmo2' },
  cite: 'OLMo Team 2025 (arXiv 2501.00656)',
  defaults: DEFAULTS,
  page: (config) => pageOf(config, sameLayers(config, layerOf(config, readRope(config, readSizes(config)), Infinity))),
})

/** The base of all its published models; transformers 5 takes it for layers with a window, whatever `rope_theta` says. */
const THETA = 500000

export const olmo3 = decoder({
  name: 'olmo3',
  classes: { start: 'Olmo3' },
  cite: 'OLMo Team 2025 (arXiv 2512.13961)',
  defaults: { ...DEFAULTS, rope_theta: THETA, sliding_window: 4096, layer_types: null },
  page(config) {
    if (config.rope_theta !== THETA && config.rope_parameters === undefined)
      throw new UserError(
        `config.json: rope_theta ${JSON.stringify(config.rope_theta)} of olmo3 is read otherwise by versions 4 and 5 of transformers; ` +
          `known: ${THETA}, or rope_parameters with full_attention and sliding_attention`,
      )
    const ropes = readRopes(config, readSizes(config), {
      full_attention: read(config, 'rope_theta', KIND.atLeastOne),
      sliding_attention: THETA,
    })
    const types = layerTypes(config, (layer) => ((layer + 1) % 4 ? 'sliding_attention' : 'full_attention'))
    return pageOf(
      config,
      types.map((type) => layerOf(config, ropes[type], windowOf(config, type))),
    )
  },
})
